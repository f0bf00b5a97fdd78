// A layer over the gallery: a dialog that has the keys while it is open.

import { ActionTable } from "./actions.js";
import { element } from "../shared/elements.js";
import { fullScreenAction } from "./fullscreen.js";

export class Overlay {
  // Options: label, said by screen readers; actions, the keys inside; closed, called when it has closed.
  constructor(view, node, { label = "", actions = [], closed = null } = {}) {
    this.view = view;
    this.closed = closed;
    const close = { name: "close", keys: ["Escape"], title: "close", group: "Window", run: () => view.closeOverlay() };
    const own = actions.some(({ keys }) => keys.includes("Escape")) ? actions : [...actions, close];
    this.actions = new ActionTable([...own, fullScreenAction]);
    this.root = element("div", "am-overlay", { role: "dialog", "aria-modal": "true", "aria-label": label, tabIndex: -1 });
    this.root.append(node);
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.root.addEventListener("mousedown", (event) => {
      if (event.target === this.root) view.closeOverlay();
    });
    view.root.append(this.root);
    view.setBackgroundInert(true);
    this.root.focus({ preventScroll: true });
  }

  key(event) {
    event.stopPropagation();
    const field = event.target.closest("input, textarea, select, [contenteditable='true']");
    if (field && event.key !== "Escape") return;
    if (event.key === "Tab") this.keepFocus(event);
    else if (!(event.target.closest("button") && ["Enter", " "].includes(event.key))) this.actions.press(event, this.view);
  }

  // Tab goes round inside.
  keepFocus(event) {
    const all = [...this.root.querySelectorAll("button, input, select, textarea, a[href], [tabindex='0']")];
    const inside = all.filter((node) => !node.disabled && node.tabIndex >= 0 && node.offsetParent !== null);
    const end = event.shiftKey ? inside.at(0) : inside.at(-1);
    const at = document.activeElement;
    if (inside.length && at !== end && at !== this.root) return;
    event.preventDefault();
    (event.shiftKey ? inside.at(-1) : inside.at(0))?.focus();
  }

  close() {
    this.root.remove();
    this.view.setBackgroundInert(false);
    this.closed?.();
  }
}
