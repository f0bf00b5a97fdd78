// The head of the panel of the sky: what it says, a button that closes it, and whether the browser can have Aladin
// Lite's script, which lies on the network.

import { element, quietButton, update } from "../shared/elements.js";

export default {
  render({ model, el }) {
    const said = element("p", "am-sky-said", { role: "status" });
    const close = quietButton("am-sky-close", { title: "close", "aria-label": "close the sky", textContent: "✕" }, () => {
      model.send({ kind: "close" });
    });
    el.append(element("h2", "am-sky-title", { textContent: "Sky" }), said, close);
    const draw = () => update(said, { textContent: model.get("sentence"), hidden: !model.get("sentence") });
    const look = async () => {
      const address = model.get("address");
      if (address) model.send({ kind: "looked", address, reached: await canHave(address) });
    };
    model.on("change:sentence", draw);
    model.on("change:address", look);
    draw();
    look();
    return () => {
      model.off("change:sentence", draw);
      model.off("change:address", look);
    };
  },
};

async function canHave(address) {
  try {
    return (await fetch(address)).ok;
  } catch {
    return false;
  }
}
