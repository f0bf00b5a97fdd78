// The pictures lie in a widget beside the gallery; a key and a button here open and close them.

export const pictureActions = [{
  name: "pictures", keys: ["P"], title: "pictures: how the search goes, and the map", group: "Look",
  run: (view) => view.root.dispatchEvent(new CustomEvent("anomalymatch:pictures", { bubbles: true })),
}];

export const addPicturesButton = (view) => view.toolbar.append(view.keyButton("pictures"));
