// What all charts have: a heading, a frame with axes in words, a tool tip, a sentence below, and the numbers as a
// table for those who cannot see the picture.

import { element, freshName, svg } from "../shared/elements.js";
import { whole } from "../shared/numbers.js";

const LEFT = 56, RIGHT = 14, TOP = 10, BOTTOM = 36; // px around the frame

export const linear = (low, high) => {
  const scale = (value) => (value - low) / (high - low || 1);
  scale.invert = (share) => low + share * (high - low);
  return scale;
};

export const logarithmic = (low, high) => {
  const inner = linear(Math.log10(low), Math.log10(high));
  const scale = (value) => inner(Math.log10(value));
  scale.invert = (share) => 10 ** inner.invert(share);
  return scale;
};

// Round numbers from 0 to `high`, some five of them.
export function roundTicks(high) {
  const rough = high / 5;
  const unit = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = [1, 2, 5, 10].map((times) => times * unit).find((candidate) => candidate >= rough);
  return Array.from({ length: Math.floor(high / step) + 1 }, (_, index) => index * step);
}

export function decades(high) {
  const ticks = [];
  for (let tick = 1; tick <= high; tick *= 10) ticks.push(tick);
  return ticks;
}

export class Chart {
  constructor(host, { heading, across, up, columns, legend = [] }) {
    this.across = across;
    this.up = up;
    this.columns = columns;
    this.data = null;
    const name = freshName();
    this.title = svg("title", { id: name }, heading);
    this.picture = svg("svg", { class: "am-chart", role: "img", "aria-labelledby": name });
    this.tip = element("div", "am-tip", { hidden: true });
    this.sentence = element("p", "am-note");
    this.table = element("table", "");
    this.numbers = element("details", "am-numbers", {}, element("summary", "", { textContent: "Numbers" }), this.table);
    const key = element("div", "am-key", { ariaHidden: "true" });
    for (const [className, text] of legend) key.append(element("span", "", {}, element("i", className), text));
    this.frame = element("div", "am-frame", {}, this.picture, this.tip);
    this.root = element(
      "section", "am-figure", { "aria-label": heading },
      element("h3", "", { textContent: heading }), key, this.frame, this.sentence, this.numbers,
    );
    host.append(this.root);
    this.pointed = null; // the last place of the pointer, while it is over the picture
    this.picture.addEventListener("pointermove", (event) => this.point(event));
    this.picture.addEventListener("pointerleave", () => this.point(null));
    this.numbers.addEventListener("toggle", () => this.fillTable());
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.frame);
  }

  close() {
    this.observer.disconnect();
  }

  show(data) {
    this.data = data;
    this.draw();
    this.fillTable();
  }

  // What a chart says where there is nothing to draw.
  nothing(_data) {
    return "";
  }

  // Draws into the frame by x(), y() and add().
  plot(_data) {}

  // The sentence below.
  words(_data) {
    return "";
  }

  // The rows of the table.
  rows(_data) {
    return [];
  }

  // What is nearest to a place across the frame, 0 to 1: {share, lines}.
  nearest(_data, _share) {
    return null;
  }

  draw() {
    const width = this.frame.clientWidth;
    if (!this.data || !width) return;
    const empty = this.nothing(this.data);
    this.picture.classList.toggle("am-gone", Boolean(empty));
    this.numbers.hidden = Boolean(empty);
    this.sentence.textContent = empty || this.words(this.data);
    if (empty) {
      this.point(null);
      return;
    }
    this.width = width;
    this.height = Math.round(Math.min(320, Math.max(150, 0.46 * width)));
    this.picture.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    this.picture.style.height = `${this.height}px`;
    this.picture.replaceChildren(this.title);
    this.title.textContent = `${this.root.getAttribute("aria-label")}. ${this.sentence.textContent}`;
    this.guide = svg("line", { class: "am-guide", y1: TOP, y2: this.height - BOTTOM, visibility: "hidden" });
    this.plot(this.data);
    this.add(this.guide);
    this.point(this.pointed);
  }

  add(...shapes) {
    this.picture.append(...shapes);
  }

  x(share) {
    return LEFT + share * (this.width - LEFT - RIGHT);
  }

  y(share) {
    return this.height - BOTTOM - share * (this.height - TOP - BOTTOM);
  }

  // Axes with ticks [share, text] and their names in words.
  axes(ticksAcross, ticksUp) {
    const bottom = this.y(0);
    for (const [share, text] of ticksUp) {
      const y = this.y(share);
      this.add(svg("line", { class: "am-rule", x1: LEFT, x2: this.width - RIGHT, y1: y, y2: y }));
      this.add(svg("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, text));
    }
    for (const [share, text] of ticksAcross) {
      const x = this.x(share);
      this.add(svg("line", { class: "am-tick", x1: x, x2: x, y1: bottom, y2: bottom + 4 }));
      this.add(svg("text", { x, y: bottom + 15, "text-anchor": "middle" }, text));
    }
    const middle = (LEFT + this.width - RIGHT) / 2;
    this.add(svg("text", { class: "am-axis", x: middle, y: this.height - 4, "text-anchor": "middle" }, this.across));
    const turned = `translate(11 ${(TOP + bottom) / 2}) rotate(-90)`;
    this.add(svg("text", { class: "am-axis", transform: turned, "text-anchor": "middle" }, this.up));
  }

  line(className, points) {
    const drawn = points.map(([across, up]) => `${this.x(across).toFixed(1)},${this.y(up).toFixed(1)}`);
    this.add(svg("polyline", { class: className, points: drawn.join(" ") }));
  }

  area(className, upper, lower) {
    const around = [...upper, ...[...lower].reverse()];
    const points = around.map(([across, up]) => `${this.x(across).toFixed(1)},${this.y(up).toFixed(1)}`);
    this.add(svg("polygon", { class: className, points: points.join(" ") }));
  }

  point(event) {
    this.pointed = event;
    const found = event && this.data && !this.nothing(this.data) ? this.under(event) : null;
    this.tip.hidden = !found;
    this.guide?.setAttribute("visibility", found ? "visible" : "hidden");
    if (!found) return;
    const x = this.x(found.share);
    this.guide.setAttribute("x1", x);
    this.guide.setAttribute("x2", x);
    this.tip.replaceChildren(...found.lines.map((text) => element("div", "", { textContent: text })));
    this.tip.style.left = `${Math.min(Math.max(0, x - this.tip.offsetWidth / 2), this.width - this.tip.offsetWidth)}px`;
  }

  under(event) {
    const box = this.picture.getBoundingClientRect();
    const zoom = this.picture.currentCSSZoom ?? 1; // large.css
    const share = ((event.clientX - box.left) / zoom - LEFT) / (this.width - LEFT - RIGHT);
    const inside = share > -0.03 && share < 1.03;
    return inside ? this.nearest(this.data, Math.min(Math.max(share, 0), 1)) : null;
  }

  // Made only when it is looked at; a screen reader opens it as anybody else does.
  fillTable() {
    if (!this.numbers.open || !this.data || this.nothing(this.data)) return;
    const cells = (tag, values) => values.map((value) => element(tag, "", {
      textContent: typeof value === "number" ? whole(value) : value,
      ...(tag === "th" ? { scope: "col" } : {}),
    }));
    this.table.replaceChildren(
      element("caption", "", { textContent: this.root.getAttribute("aria-label") }),
      element("thead", "", {}, element("tr", "", {}, ...cells("th", this.columns))),
      element("tbody", "", {}, ...this.rows(this.data).map((row) => element("tr", "", {}, ...cells("td", row)))),
    );
  }
}
