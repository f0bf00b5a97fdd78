import assert from "node:assert/strict";
import { test } from "node:test";

import { ORIGINAL_LOOK, STRETCHES, asLook, isOriginal, limitsOf, lookup, zscale } from "../../anomalymatch_ui/app/looking/stretch.js";

const histogramOf = (values) => {
  const histogram = new Uint32Array(256);
  for (const value of values) histogram[value] += 1;
  return histogram;
};

test("the original look shows every value as it is", () => {
  assert.deepEqual([...lookup(ORIGINAL_LOOK, [0, 255])], Array.from({ length: 256 }, (_, value) => value));
});

for (const [name, stretch] of Object.entries(STRETCHES)) {
  test(`${name} leads from black to white without a step back`, () => {
    assert.ok(Math.abs(stretch(0)) < 1e-12);
    assert.ok(Math.abs(stretch(1) - 1) < 1e-12);
    const table = lookup({ ...ORIGINAL_LOOK, stretch: name }, [10, 200]);
    assert.deepEqual([table[10], table[200]], [0, 255]);
    assert.ok(table.every((value, at) => at === 0 || value >= table[at - 1]));
  });
}

test("inverted, black is white", () => {
  const look = { ...ORIGINAL_LOOK, contrast: 2, brightness: 0.4 };
  const [plain, inverted] = [lookup(look, [0, 255]), lookup({ ...look, invert: true }, [0, 255])];
  assert.ok(plain.every((value, at) => Math.abs(value + inverted[at] - 255) <= 1));
});

test("limits of one value are a threshold", () => {
  const table = lookup(ORIGINAL_LOOK, [7, 7]);
  assert.deepEqual([table[6], table[7], table[8]], [0, 0, 255]);
});

test("a percentile leaves the tails of the pixels out", () => {
  const values = [...Array(5).fill(0), ...Array.from({ length: 1000 }, (_, at) => 100 + (at % 50)), ...Array(5).fill(255)];
  assert.deepEqual(limitsOf("full", histogramOf(values)), [0, 255]);
  assert.deepEqual(limitsOf("95", histogramOf(values)), [101, 148]);
});

test("an image of one value, or of none, has all limits open", () => {
  for (const values of [[], Array(64).fill(80)]) {
    for (const limits of ["full", "99.5", "zscale"]) assert.deepEqual(limitsOf(limits, histogramOf(values)), [0, 255]);
  }
});

test("zscale rejects a star above a sloping sky, and passes over few samples", () => {
  const sky = Float64Array.from({ length: 1000 }, (_, at) => 100 + at / 100);
  const withStar = sky.map((value, at) => (at >= 990 ? 255 : value));
  const [low, high] = zscale(withStar);
  assert.ok(low >= 100 && low < 101, `${low}`);
  assert.ok(high > 110 && high < 150, `${high}`);
  assert.deepEqual(zscale(Float64Array.of(1, 2, 9)), [1, 9]);
});

test("what is unknown or out of range becomes the original's", () => {
  assert.deepEqual(asLook(null), ORIGINAL_LOOK);
  const asked = { stretch: "toString", limits: "12", colour_map: "jet", bands: "BR", brightness: 3, contrast: NaN, invert: "yes" };
  assert.ok(isOriginal(asLook(asked)));
  const known = { ...ORIGINAL_LOOK, stretch: "log", limits: "zscale", colour_map: "magma", bands: "RB", brightness: 0.25, contrast: 2, invert: true };
  assert.deepEqual(asLook(known), known);
});

test("as many steps back as forth lead to where they began", () => {
  let look = ORIGINAL_LOOK;
  for (let step = 0; step < 7; step += 1) look = asLook({ ...look, brightness: look.brightness + 0.05 });
  for (let step = 0; step < 7; step += 1) look = asLook({ ...look, brightness: look.brightness - 0.05 });
  assert.ok(isOriginal(look));
});
