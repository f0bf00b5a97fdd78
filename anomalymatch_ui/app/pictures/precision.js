// The share of anomalies at the top of the ranking, as the labels tell it.

import { Chart, decades, logarithmic } from "./chart.js";
import { svg } from "../shared/elements.js";
import { percent, whole } from "../shared/numbers.js";

export class PrecisionChart extends Chart {
  constructor(host) {
    super(host, {
      heading: "Anomalies at the top",
      across: "first images of the ranking",
      up: "share",
      columns: ["first images", "labelled", "anomalies", "share", "95 % interval"],
      legend: [
        ["am-swatch am-swatch-share", "anomalies among the labelled, with 95 % interval"],
        ["am-swatch am-swatch-labelled", "labelled"],
      ],
    });
  }

  nothing({ top, labelled }) {
    if (!top.length) return "There is no ranking yet.";
    return labelled.at(-1) ? "" : "No image in the ranking is labelled yet.";
  }

  plot({ top, labelled, share, low, high }) {
    const across = logarithmic(1, Math.max(10, top.at(-1)));
    this.axes(
      decades(Math.max(10, top.at(-1))).map((tick) => [across(tick), whole(tick)]),
      [0, 0.25, 0.5, 0.75, 1].map((tick) => [tick, percent(tick)]),
    );
    this.line("am-line am-quiet-line", top.map((number, index) => [across(number), labelled[index] / number]));
    const known = top.map((number, index) => ({ number, index })).filter(({ index }) => labelled[index]);
    for (const { number, index } of known) {
      const x = this.x(across(number));
      this.add(svg("line", { class: "am-whisker", x1: x, x2: x, y1: this.y(low[index]), y2: this.y(high[index]) }));
    }
    this.line("am-line", known.map(({ number, index }) => [across(number), share[index]]));
    for (const { number, index } of known) {
      this.add(svg("circle", { class: "am-dot", cx: this.x(across(number)), cy: this.y(share[index]), r: 2.5 }));
    }
  }

  interval({ low, high }, index) {
    return low[index] === null ? "" : `${percent(low[index]).replace(" %", "")}–${percent(high[index])}`;
  }

  words(data) {
    const { top, labelled, anomalies, share } = data;
    // The widest top of which at least half is labelled says most.
    let index = labelled.findIndex((count) => count > 0);
    top.forEach((number, place) => { if (labelled[place] >= number / 2) index = place; });
    return `Of the first ${whole(top[index])} images ${whole(labelled[index])} are labelled, ${whole(anomalies[index])} `
      + `as anomalies: ${percent(share[index])} (${this.interval(data, index)}). The ranking has learnt from these labels, `
      + "so this overstates how good it is.";
  }

  rows(data) {
    return data.top.map((number, index) => [
      number, data.labelled[index], data.anomalies[index],
      data.share[index] === null ? "unknown" : percent(data.share[index]), this.interval(data, index),
    ]);
  }

  nearest(data, share) {
    const { top, labelled, anomalies } = data;
    const scale = logarithmic(1, Math.max(10, top.at(-1)));
    const distance = (index) => Math.abs(scale(top[index]) - share);
    const index = top.reduce((best, _number, place) => (distance(place) < distance(best) ? place : best), 0);
    const lines = [`first ${whole(top[index])}: ${whole(labelled[index])} labelled`];
    if (labelled[index]) {
      lines.push(`${whole(anomalies[index])} anomalies, ${percent(data.share[index])}`, `(${this.interval(data, index)})`);
    }
    return { share: scale(top[index]), lines };
  }
}
