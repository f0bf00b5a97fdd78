// How the labels look, told apart by shape as well as by colour.

import { svg } from "./nodes.js";

export const CLASSES = [
  { name: "anomaly", mark: "▲", plural: "anomalies" },
  { name: "nominal", mark: "●", plural: "nominal" },
  { name: "unsure", mark: "◆", plural: "unsure" },
];

// The shape of a label around (x, y), `size` from its middle to its edge.
export function shape(name, x, y, size) {
  if (name === "nominal") return svg("circle", { class: `am-fill-${name}`, cx: x, cy: y, r: size });
  const [up, side, down] = name === "anomaly" ? [1.15, 1.1, 0.85] : [1.2, 1.2, 1.2];
  const corners = name === "anomaly"
    ? [[0, -up], [side, down], [-side, down]]
    : [[0, -up], [side, 0], [0, down], [-side, 0]];
  const points = corners.map(([dx, dy]) => `${x + dx * size},${y + dy * size}`).join(" ");
  return svg("polygon", { class: `am-fill-${name}`, points });
}
