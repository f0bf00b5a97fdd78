// Which cards of the page are selected. It belongs to the model, so that all views and a script see the same;
// a card that leaves the page leaves the selection.

import { saveChanges } from "../shared/kernel.js";

const CALM = 150; // ms without a change after which the kernel is told

export class Selection {
  constructor(model, changed) {
    this.model = model;
    this.changed = changed;
    this.ids = new Set(model.get("selection"));
    this.timer = null;
    model.on("change:selection", () => this.read());
  }

  get size() {
    return this.ids.size;
  }

  has(id) {
    return this.ids.has(id);
  }

  set(ids) {
    const next = new Set(ids);
    if (next.size === this.ids.size && [...next].every((id) => this.ids.has(id))) return;
    this.ids = next;
    this.changed();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.write(), CALM);
  }

  toggle(id) {
    this.set(this.has(id) ? [...this.ids].filter((other) => other !== id) : [...this.ids, id]);
  }

  // The kernel takes cards that have gone from its own copy itself.
  keepOnly(cards) {
    const shown = new Set(cards.map(({ id }) => id));
    this.ids = new Set([...this.ids].filter((id) => shown.has(id)));
  }

  read() {
    clearTimeout(this.timer);
    this.ids = new Set(this.model.get("selection"));
    this.changed();
  }

  write() {
    this.model.set("selection", [...this.ids]);
    saveChanges(this.model);
  }
}
