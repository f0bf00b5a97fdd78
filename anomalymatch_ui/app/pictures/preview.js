// The image that the pointer is at, beside it: thumbnail, name, place in the ranking, label.

import { element } from "../shared/elements.js";

const KEPT = 200; // thumbnails of some 5 kB
const REST = 40; // ms on a point before its image is asked for

export class Preview {
  constructor(questions, frame) {
    this.questions = questions;
    this.frame = frame;
    this.known = new Map(); // pool index -> {url, lines}
    this.row = null;
    this.image = element("img", "", { alt: "" });
    this.text = element("div", "");
    this.root = element("div", "am-preview", { hidden: true }, this.image, this.text);
    frame.append(this.root);
  }

  close() {
    clearTimeout(this.timer);
    for (const { url } of this.known.values()) URL.revokeObjectURL(url);
  }

  show(row, x, y) {
    this.x = x;
    this.y = y;
    if (row === this.row) return;
    this.row = row;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fetch(row), REST);
  }

  hide() {
    this.row = null;
    clearTimeout(this.timer);
    this.root.hidden = true;
  }

  async fetch(row) {
    const answer = await this.questions.ask({ kind: "thumbnail", row }).catch(() => null); // then nothing is shown
    if (!answer) return;
    this.keep(row, answer);
    if (row === this.row) this.place(this.known.get(row));
  }

  keep(row, { lines, buffers }) {
    URL.revokeObjectURL(this.known.get(row)?.url);
    const url = buffers[0]?.byteLength ? URL.createObjectURL(new Blob([buffers[0]], { type: "image/jpeg" })) : "";
    this.known.delete(row);
    this.known.set(row, { url, lines });
    if (this.known.size > KEPT) {
      const [oldest, { url: old }] = this.known.entries().next().value;
      URL.revokeObjectURL(old);
      this.known.delete(oldest);
    }
  }

  place({ url, lines }) {
    this.image.hidden = !url;
    if (url) this.image.src = url;
    this.text.replaceChildren(...lines.map((line) => element("div", "", { textContent: line, title: line })));
    this.root.hidden = false;
    const { clientWidth, clientHeight } = this.frame;
    const left = this.x + 14 + this.root.offsetWidth > clientWidth ? this.x - 14 - this.root.offsetWidth : this.x + 14;
    const top = Math.min(Math.max(0, this.y - 40), clientHeight - this.root.offsetHeight);
    this.root.style.left = `${Math.max(0, left)}px`;
    this.root.style.top = `${Math.max(0, top)}px`;
  }
}
