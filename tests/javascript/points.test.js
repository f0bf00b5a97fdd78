import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Points, isInside } from "../../anomalymatch_ui/app/pictures/points.js";

let points;

// Pool indices 10 to 13 at the corners of a square.
beforeEach(() => {
  points = new Points(Uint32Array.of(10, 11, 12, 13), Float32Array.of(-0.5, -0.5, 0.5, -0.5, 0.5, 0.5, -0.5, 0.5));
});

test("a lasso selects what lies inside, also around a dent", () => {
  const dented = [[-1, -1], [1, -1], [1, 1], [0, -0.2], [-1, 1]];
  assert.deepEqual([...points.within(dented)], [10, 11]);
  assert.deepEqual([...points.within([[0, 0], [1, 0], [1, 1], [0, 1]])], [12]);
  assert.deepEqual([...points.within([[5, 5], [6, 5], [6, 6]])], []);
});

test("a line that crosses itself leaves out what it goes round twice", () => {
  const pentagram = [0, 2, 4, 1, 3].map((corner) => [Math.sin(corner * 0.4 * Math.PI), Math.cos(corner * 0.4 * Math.PI)]);
  assert.equal(isInside(0, 0, pentagram), false);
  assert.equal(isInside(0, 0.8, pentagram), true);
});

test("labelled images are painted above others, the better ranked above those, and selected ones on top", () => {
  points.colour(Uint8Array.of(200, 50, 120, 255), Uint8Array.of(0, 1, 0, 0));
  assert.deepEqual([...points.order], [2, 0, 3, 1]);
  points.select([12]);
  assert.deepEqual([points.selectedCount, [...points.order]], [1, [0, 3, 1, 2]]);
});

test("what is pointed at is the nearest within reach, the topmost of several", () => {
  assert.equal(points.nearest(0.45, 0.45, 0.1), 2);
  assert.equal(points.nearest(0, 0, 0.1), -1);
  const stacked = new Points(Uint32Array.of(1, 2, 3), new Float32Array(6));
  stacked.colour(Uint8Array.of(9, 200, 30), new Uint8Array(3));
  assert.equal(stacked.nearest(0, 0, 0.1), 1);
});
