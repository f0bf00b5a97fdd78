// The column beside a close-up: what is known of the image, its scores over the cycles, and what is like it.

import { element, quietButton, svg } from "../shared/elements.js";
import { LABELS } from "../shared/labels.js";
import { SheetPainter } from "../looking/sheetpainter.js";
import { isOriginal } from "../looking/stretch.js";

const CHART = { width: 220, height: 70, left: 26, right: 8, top: 6, bottom: 16 };

export class ZoomFacts {
  // `opened` is called with the id of a neighbour that was clicked.
  constructor(looks, opened) {
    this.looks = looks;
    this.opened = opened;
    this.shown = 0; // counts what is shown, so that neighbours decoded late are not taken for the next image's
    this.root = element("div", "am-zoom-facts");
    this.list = element("dl", "am-zoom-list");
    this.history = element("div", "am-zoom-history");
    this.neighbours = element("div", "am-zoom-neighbours");
    this.sky = element("div", "am-zoom-sky");
    this.root.append(this.list, this.sky, this.history, this.neighbours);
    this.redraw = () => this.paint();
    looks.listeners.add(this.redraw);
    this.clear();
  }

  close() {
    this.looks.listeners.delete(this.redraw);
    this.clearNeighbours();
  }

  clear() {
    this.list.replaceChildren();
    this.sky.replaceChildren();
    this.history.replaceChildren();
    this.clearNeighbours();
  }

  clearNeighbours() {
    this.shown += 1;
    this.sheet?.picture.close();
    this.sheet = null;
    this.thumbnails = [];
    this.neighbours.replaceChildren();
  }

  // `label` and `progress` as the desk has them; `words`: who says what, as the journal has it.
  show({ facts, words, history, sky }, { label, progress }) {
    const mark = label ? `${LABELS[label].mark} ${label}` : "none";
    const rows = [["label", progress === "late" ? `${mark} (not saved)` : mark]];
    for (const [annotator, word] of words) rows.push(["by", `${annotator}: ${word}`]);
    this.list.replaceChildren(...[...rows, ...facts].flatMap(([name, value], row) => [
      element("dt", "", { textContent: name, title: name }),
      element("dd", row === 0 && label ? `am-${label}` : "", { textContent: value }),
    ]));
    this.sky.replaceChildren();
    if (sky) this.sky.append(element("h3", "", { textContent: "On the sky" }), ...skyFacts(sky));
    this.history.replaceChildren();
    if (history.length > 1) {
      this.history.append(element("h3", "", { textContent: "Score by cycle" }), historyChart(history));
    }
  }

  async showNeighbours({ ids, readable, buffers, ...layout }) {
    this.clearNeighbours();
    if (!ids.length) return;
    const { shown } = this;
    const bitmap = await createImageBitmap(new Blob([buffers[0]], { type: "image/jpeg" }));
    if (shown !== this.shown) {
      bitmap.close();
      return;
    }
    this.sheet = new SheetPainter(bitmap, layout);
    const row = element("div", "am-zoom-thumbnails");
    this.thumbnails = ids.map((id, position) => {
      const button = quietButton("am-zoom-thumbnail", { title: id, "aria-label": `open ${id}` }, () => this.opened(id));
      const canvas = element("canvas", "", { width: layout.cell, height: layout.cell, "aria-hidden": "true" });
      button.append(canvas);
      row.append(button);
      return { id, canvas, readable: readable[position] };
    });
    this.neighbours.append(element("h3", "", { textContent: "Most like it" }), row);
    this.paint();
  }

  paint() {
    this.thumbnails.forEach(({ id, canvas, readable }, position) => {
      if (!readable) return;
      const look = this.looks.of(id);
      if (!isOriginal(look)) {
        this.sheet.paint(position, look, canvas);
        return;
      }
      const { x, y, width, height } = this.sheet.rectangle(position);
      canvas.getContext("2d").drawImage(this.sheet.picture, x, y, width, height, 0, 0, width, height);
    });
  }
}

// The position in degrees and as papers write it, and pages of other archives, which open beside this one.
function skyFacts({ position, links }) {
  const place = element("p", "am-zoom-position");
  place.append(...position.map((text) => element("span", "", { textContent: text })));
  const row = element("p", "am-zoom-links");
  for (const [name, address] of links) {
    const link = element("a", "", { href: address, target: "_blank", rel: "noopener", textContent: name });
    link.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays where the keys are
    row.append(link);
  }
  return [place, row];
}

// A line of scores, 0 to 1, over the cycles.
export function historyChart(history) {
  const { width, height, left, right, top, bottom } = CHART;
  const said = history.map(([cycle, score]) => `cycle ${cycle}: ${score.toFixed(3)}`).join(", ");
  const chart = svg("svg", {
    viewBox: `0 0 ${width} ${height}`, class: "am-zoom-chart", role: "img", "aria-label": `score by cycle: ${said}`,
  });
  const [firstCycle, lastCycle] = [history[0][0], history.at(-1)[0]];
  const x = (cycle) => left + ((cycle - firstCycle) / (lastCycle - firstCycle)) * (width - left - right);
  const y = (score) => top + (1 - score) * (height - top - bottom);
  for (const score of [0, 1]) {
    chart.append(
      svg("line", { x1: left, x2: width - right, y1: y(score), y2: y(score), class: "am-zoom-axis" }),
      svg("text", { x: left - 6, y: y(score) + 4, "text-anchor": "end" }, String(score)),
    );
  }
  for (const cycle of [firstCycle, lastCycle]) {
    chart.append(svg("text", { x: x(cycle), y: height - 2, "text-anchor": "middle" }, String(cycle)));
  }
  const points = history.map(([cycle, score]) => [x(cycle), y(score)]);
  chart.append(svg("polyline", { points: points.map((point) => point.join()).join(" "), class: "am-zoom-line" }));
  for (const [cx, cy] of points) chart.append(svg("circle", { cx, cy, r: 2.5, class: "am-zoom-point" }));
  return chart;
}
