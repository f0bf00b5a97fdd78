// The first visit: three hints, gone for ever once they are closed.

import { element } from "../shared/elements.js";
import { prefer, preference } from "../shared/preferences.js";

const HINTS = [["A  N", "label and go on"], ["R", "new order by your labels"], ["?", "all keys"]];

export function attachHints(view) {
  if (preference("hinted", false)) return;
  const strip = element("div", "am-hints", { role: "note", "aria-label": "hints" });
  for (const [keys, meaning] of HINTS) {
    const hint = element("span", "am-hint");
    hint.append(element("kbd", "", { textContent: keys }), ` ${meaning}`);
    strip.append(hint);
  }
  const close = element("button", "am-close", { type: "button", textContent: "✕", "aria-label": "close the hints" });
  close.addEventListener("click", () => {
    prefer("hinted", true);
    strip.remove();
    view.focus();
  });
  strip.append(close);
  view.bar.before(strip);
}
