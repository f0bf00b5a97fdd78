// Anomalies found against images looked at, and what to expect if the best come next.

import { Chart, linear, roundTicks } from "./chart.js";
import { whole } from "../shared/numbers.js";

export class DiscoveryChart extends Chart {
  constructor(host) {
    super(host, {
      heading: "Anomalies found",
      across: "images looked at",
      up: "anomalies found",
      columns: ["images looked at", "found", "expected", "95 % interval"],
      legend: [
        ["am-swatch am-swatch-found", "found"],
        ["am-swatch am-swatch-expected", "expected, with 95 % interval"],
      ],
    });
  }

  nothing({ looked, ahead }) {
    return looked.length > 1 || ahead.length ? "" : "Nothing has been labelled yet. Press A or N on an image.";
  }

  plot({ looked, found, ahead, expected, low, high }) {
    const right = Math.max(10, looked.at(-1), ahead.at(-1) ?? 0);
    const top = Math.max(5, found.at(-1), ...high) * 1.05;
    const across = linear(0, right), up = linear(0, top);
    const tick = (scale) => (value) => [scale(value), whole(value)];
    this.axes(roundTicks(right).map(tick(across)), roundTicks(top).map(tick(up)));
    const points = (values) => ahead.map((number, index) => [across(number), up(values[index])]);
    if (ahead.length) {
      this.area("am-band", points(high), points(low));
      this.line("am-line am-dashed", points(expected));
    }
    this.line("am-line", looked.map((number, index) => [across(number), up(found[index])]));
  }

  words({ looked, found, ahead, expected, low, high, imported }) {
    const met = found.at(-1), seen = looked.at(-1);
    const sentences = [
      `${whole(met)} ${met === 1 ? "anomaly" : "anomalies"} in ${whole(seen)} ${seen === 1 ? "image" : "images"} looked at.`,
    ];
    if (ahead.length) {
      const more = [expected.at(-1), low.at(-1), high.at(-1)].map((value) => whole(value - found.at(-1)));
      sentences.push(`The next ${whole(ahead.at(-1) - ahead[0])} best should hold ${more[0]} (${more[1]}–${more[2]}).`);
    }
    if (imported) sentences.push(`${whole(imported)} labels that came with a table are not counted.`);
    return sentences.join(" ");
  }

  rows({ looked, found, ahead, expected, low, high }) {
    return [
      ...looked.map((number, index) => [number, found[index], "", ""]),
      ...ahead.slice(1).map((number, index) => [
        number, "", expected[index + 1].toFixed(1), `${whole(low[index + 1])}–${whole(high[index + 1])}`,
      ]),
    ];
  }

  nearest({ looked, found, ahead, expected, low, high }, share) {
    const scale = linear(0, Math.max(10, looked.at(-1), ahead.at(-1) ?? 0));
    const wanted = scale.invert(share);
    const closest = (values) => values.reduce(
      (best, value, index) => (Math.abs(value - wanted) < Math.abs(values[best] - wanted) ? index : best), 0,
    );
    if (wanted <= looked.at(-1) || !ahead.length) {
      const index = closest(looked);
      return { share: scale(looked[index]), lines: [`${whole(looked[index])} looked at`, `${whole(found[index])} anomalies found`] };
    }
    const index = closest(ahead);
    return {
      share: scale(ahead[index]),
      lines: [`after ${whole(ahead[index])} looked at`, `${expected[index].toFixed(1)} expected (${whole(low[index])}–${whole(high[index])})`],
    };
  }
}
