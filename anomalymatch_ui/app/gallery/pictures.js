// The pictures, and the sky, lie in widgets beside the gallery; keys and buttons here open and close them.

export const pictureActions = [{
  name: "pictures", keys: ["P"], title: "pictures: how the search goes, and the map", group: "Look",
  run: (view) => view.root.dispatchEvent(new CustomEvent("anomalymatch:pictures", { bubbles: true })),
}, {
  name: "sky", keys: ["Y"], title: "sky: the objects of this page in Aladin Lite", group: "Look",
  run: (view) => view.desk.command("sky"),
}];

export function addPicturesButton(view) {
  const sky = view.keyButton("sky");
  const draw = () => { sky.hidden = !view.desk.model.get("finding").positions; };
  view.toolbar.append(view.keyButton("pictures"), sky);
  view.listenTo("change:finding", draw);
  draw();
}
