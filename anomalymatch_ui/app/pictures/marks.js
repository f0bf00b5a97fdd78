// How the labels look, told apart by shape as well as by colour.

import { LABELS } from "../shared/labels.js";
import { svg } from "../shared/elements.js";

export const CLASSES = Object.entries(LABELS).map(([name, { mark, plural }]) => ({ name, mark, plural }));

// The corners of each shape around the origin, `1` from its middle to its edge; a nominal image is a disc.
const ARM = 0.4; // half the width of an arm of the cross, along an axis
const CORNERS = {
  anomaly: [[0, -1.15], [1.1, 0.85], [-1.1, 0.85]],
  unsure: [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]],
  artefact: [
    [0, -ARM], [1 - ARM, -1], [1, ARM - 1], [ARM, 0], [1, 1 - ARM], [1 - ARM, 1],
    [0, ARM], [ARM - 1, 1], [-1, 1 - ARM], [-ARM, 0], [-1, ARM - 1], [ARM - 1, -1],
  ],
};

export const cornersOf = (name) => CORNERS[name];

// The shape of a label around (x, y), `size` from its middle to its edge.
export function shape(name, x, y, size) {
  const corners = cornersOf(name);
  if (!corners) return svg("circle", { class: `am-fill-${name}`, cx: x, cy: y, r: size });
  const points = corners.map(([dx, dy]) => `${x + dx * size},${y + dy * size}`).join(" ");
  return svg("polygon", { class: `am-fill-${name}`, points });
}
