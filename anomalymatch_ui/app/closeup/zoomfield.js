// The close-up's field: the image alone, or what lies around it on its tile.

import { element, quietButton } from "../shared/elements.js";

const FIELDS_KEPT = 6;

// How many times as wide as an image its fields may be; none where a pool has the images alone.
export function fieldsOf(desk) {
  return desk.model.get("fields") ?? [];
}

export class ZoomField {
  // `changed` is called when another field is chosen.
  constructor(desk, changed) {
    this.desk = desk;
    this.changed = changed;
    this.all = [1, ...fieldsOf(desk)];
    this.chosen = 1;
    this.answers = new Map(); // "2 id" -> promise of that field
    this.root = element("div", "am-zoom-field", { role: "group", "aria-label": "field", hidden: this.all.length < 2 });
    this.buttons = this.all.map((times) => this.button(times));
    this.root.append(element("kbd", "", { textContent: "W" }), "field", ...this.buttons);
    this.mark();
  }

  button(times) {
    const title = times === 1 ? "the image itself (W)" : `what lies around it, ${times} times as wide (W)`;
    return quietButton("am-key-button", { textContent: `${times}×`, title }, () => this.choose(times));
  }

  // The next wider field, and after the widest the image again.
  step() {
    this.choose(this.all[(this.all.indexOf(this.chosen) + 1) % this.all.length]);
  }

  choose(times) {
    if (times === this.chosen) return;
    this.chosen = times;
    this.mark();
    this.changed();
  }

  mark() {
    this.buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(this.all[at] === this.chosen)));
  }

  // The chosen field around an image; `own` is the answer with the image alone.
  async of(id, own) {
    return this.chosen === 1 ? own : this.fetch(id);
  }

  // Has the chosen field of an image that may be shown next come beforehand.
  prepare(id) {
    if (this.chosen > 1) this.fetch(id).catch(() => {}); // what is wrong with it is said when it is shown
  }

  fetch(id) {
    const key = `${this.chosen} ${id}`;
    if (!this.answers.has(key)) {
      const answer = this.desk.ask({ kind: `field ${this.chosen}`, id });
      this.answers.set(key, answer);
      answer.catch(() => this.answers.delete(key));
      while (this.answers.size > FIELDS_KEPT) this.answers.delete(this.answers.keys().next().value);
    }
    return this.answers.get(key);
  }
}

export function fieldActionsFor(field, group) {
  return [{ name: "field", keys: ["W"], title: "wider: what lies around the image", group, run: () => field.step() }];
}
