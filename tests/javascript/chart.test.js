import assert from "node:assert/strict";
import { test } from "node:test";

import { decades, linear, logarithmic, roundTicks } from "../../anomalymatch_ui/app/pictures/chart.js";
import { percent } from "../../anomalymatch_ui/app/shared/numbers.js";

test("scales lead to shares of the frame and back", () => {
  for (const scale of [linear(0, 50), logarithmic(1, 1000)]) {
    for (const value of [1, 7, 40]) assert.ok(Math.abs(scale.invert(scale(value)) - value) < 1e-9);
  }
  assert.deepEqual([linear(0, 50)(25), logarithmic(1, 100)(10)], [0.5, 0.5]);
  assert.equal(linear(3, 3)(3), 0);
});

test("ticks are round, some five of them", () => {
  assert.deepEqual(roundTicks(10), [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(roundTicks(4321), [0, 1000, 2000, 3000, 4000]);
  assert.deepEqual(roundTicks(3), [0, 1, 2, 3]);
  assert.deepEqual(decades(2500), [1, 10, 100, 1000]);
});

test("a share has no more digits than tell it from nothing and from all", () => {
  const shares = [0, 0.5, 0.123, 0.004, 0.0004, 0.999, 0.9996, 1];
  assert.deepEqual(shares.map(percent), ["0 %", "50 %", "12 %", "0.4 %", "0.04 %", "99.9 %", "99.96 %", "100 %"]);
});
