// How many images have which score, and where the labelled ones lie.

import { Chart, decades } from "./chart.js";
import { CLASSES, shape } from "./marks.js";
import { svg } from "../shared/elements.js";
import { percent, whole } from "../shared/numbers.js";

const PROBABILITIES = [0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999];
const STRIP = 0.3; // part of the frame's height for the labelled images, above the bars

export class Histogram extends Chart {
  constructor(host) {
    super(host, {
      heading: "Scores of all images",
      across: "score",
      up: "images",
      columns: ["scores", "images", ...CLASSES.map(({ plural }) => plural)],
      legend: [
        ["am-swatch am-swatch-bar", "images"],
        ...CLASSES.map(({ name, plural }) => [`am-swatch am-swatch-${name}`, plural]),
      ],
    });
  }

  nothing({ counts }) {
    return counts.some((count) => count > 0) ? "" : "No image has a score yet. The scores come with the first ranking.";
  }

  plot(data) {
    const { counts, labelled, edges, calibrated } = data;
    const bins = counts.length;
    this.across = calibrated ? "probability of an anomaly" : "score, from ordinary to odd";
    const high = Math.max(...counts, 9) * 1.2;
    // Half an image is the foot of the logarithm, so that a bar of one image is seen.
    const up = (count) => (1 - STRIP) * (Math.log10(count / 0.5) / Math.log10(high / 0.5));
    const position = (value) => {
      if (!calibrated) return value;
      const logit = (share) => Math.log(share / (1 - share));
      return (logit(value) - logit(edges[0])) / (logit(edges[bins]) - logit(edges[0]));
    };
    const ticks = calibrated ? PROBABILITIES : [0, 0.25, 0.5, 0.75, 1];
    const inFrame = ticks.map((tick) => [position(tick), calibrated ? percent(tick) : String(tick)])
      .filter(([share]) => share >= 0 && share <= 1);
    this.axes(inFrame, decades(high).map((tick) => [up(tick), whole(tick)]));
    const width = this.x(1 / bins) - this.x(0);
    counts.forEach((count, bin) => {
      if (!count) return;
      const y = this.y(up(count));
      const box = { x: this.x(bin / bins) + 0.5, y, width: Math.max(1, width - 1), height: this.y(0) - y };
      this.add(svg("rect", { class: "am-bar-fill", ...box }));
    });
    CLASSES.forEach(({ name }, row) => {
      const y = this.y(1 - STRIP + STRIP * (0.83 - 0.33 * row));
      labelled[name].forEach((count, bin) => {
        if (count) this.add(shape(name, this.x((bin + 0.5) / bins), y, Math.min(2.5 + Math.log2(count), 0.045 * this.height)));
      });
    });
  }

  range({ edges, counts }, bin) {
    const last = counts.length - 1;
    if (bin === 0) return `below ${percent(edges[1])}`;
    if (bin === last) return `${percent(edges[last])} and above`;
    return `${percent(edges[bin])} – ${percent(edges[bin + 1])}`;
  }

  words({ counts, unscored }) {
    const scored = counts.reduce((sum, count) => sum + count, 0);
    return `${whole(scored)} images have a score${unscored ? `, ${whole(unscored)} have none` : ""}.`;
  }

  rows(data) {
    return data.counts.map((count, bin) => [
      this.range(data, bin), count, ...CLASSES.map(({ name }) => data.labelled[name][bin]),
    ]);
  }

  nearest(data, share) {
    const bins = data.counts.length;
    const bin = Math.min(bins - 1, Math.floor(share * bins));
    const labelled = CLASSES.map(({ name, mark }) => [mark, data.labelled[name][bin]]).filter(([, count]) => count);
    const lines = [this.range(data, bin), `${whole(data.counts[bin])} images`];
    if (labelled.length) lines.push(`labelled: ${labelled.map(([mark, count]) => `${mark} ${whole(count)}`).join("  ")}`);
    return { share: (bin + 0.5) / bins, lines };
  }
}
