import assert from "node:assert/strict";
import { test } from "node:test";

import { NATIVE_CURVES, nativeLimits, paintNative, unpackValues, valuesAt } from "../../anomalymatch_ui/app/looking/nativevalues.js";

const BANDS = [{ name: "g", unit: "nJy" }, { name: "r", unit: "nJy" }, { name: "i", unit: "nJy" }];
const COLOURS = [[0, 0, 1], [0, 1, 0], [1, 0, 0]];
const PAGE = { curve: "linear", softening: null, black: 0, white: 1, band: null, mask: false };

// An image one pixel high; `planes` are the values of each band.
function imageOf(planes, { limits = planes.map(() => [0, 100]), rgb = COLOURS, bad = [] } = {}) {
  const bands = BANDS.slice(0, planes.length);
  const width = planes[0].length;
  const described = { bands, width, height: 1, reduced: 1, dtype: "float32", limits, rgb };
  return unpackValues(described, [new DataView(Float32Array.from(planes.flat()).buffer), new DataView(Uint8Array.from(bad).buffer)]);
}

function painted(image, view = {}) {
  const target = new Uint32Array(image.width * image.height);
  paintNative(image, { ...PAGE, ...view }, target);
  return [...target].map((pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255]);
}

test("halves are read with subnormals, infinities and NaN, wherever their buffer begins", () => {
  const halves = [0x3c00, 0xc000, 0x0001, 0x7c00, 0xfc00, 0x7e00];
  const bytes = new Uint8Array(1 + 2 * halves.length);
  halves.forEach((half, at) => new DataView(bytes.buffer).setUint16(1 + 2 * at, half, true));
  const described = { bands: BANDS.slice(0, 1), width: 6, height: 1, dtype: "float16" };
  const { planes, bad } = unpackValues(described, [new DataView(bytes.buffer, 1), new DataView(new ArrayBuffer(0))]);
  assert.deepEqual([...planes[0]], [1, -2, 2 ** -24, Infinity, -Infinity, NaN]);
  assert.deepEqual(bad, [null]);
});

test("black and white are shares of a band's range, in its units", () => {
  assert.deepEqual(nativeLimits([-10, 90], { black: 0, white: 1 }), [-10, 90]);
  assert.deepEqual(nativeLimits([-10, 90], { black: 0.5, white: 2 }), [40, 190]);
  assert.deepEqual(nativeLimits([5, 5], { black: 0, white: 1 }), [5, 6]);
});

test("each colour is the band that the page gives it, and one band alone is grey", () => {
  const image = imageOf([[0, 100], [20, 100], [60, 100]]);
  assert.deepEqual(painted(image), [[153, 51, 0], [255, 255, 255]]);
  assert.deepEqual(painted(image, { band: 2 }), [[153, 153, 153], [255, 255, 255]]);
});

test("bands mixed by weights add up, and are white at most", () => {
  const image = imageOf([[10, 90], [10, 90]], { rgb: [[0.5, 0.5], [1, 0], [0.5, 1]] });
  assert.deepEqual(painted(image), [[26, 26, 38], [230, 230, 255]]);
});

for (const curve of NATIVE_CURVES) {
  test(`${curve} leads from black to white, and never back`, () => {
    const image = imageOf([[-50, 0, 1, 10, 50, 99, 100, 500]], { rgb: [[1], [1], [1]] });
    const shown = painted(image, { curve }).map(([red]) => red);
    assert.deepEqual([shown[0], shown[1], shown[6], shown[7]], [0, 0, 255, 255]);
    assert.ok(shown.every((value, at) => at === 0 || value >= shown[at - 1]), shown.join());
  });
}

test("Lupton's stretch keeps the colour of what is too bright", () => {
  const image = imageOf([[100, 1000], [200, 2000], [400, 4000]]);
  const [[, , faint], [red, green, blue]] = painted(image, { curve: "lupton" });
  assert.ok(faint > 0);
  assert.deepEqual([red, green, blue], [255, 128, 64]);
});

test("pixels that mean nothing are black, or magenta where the mask is shown", () => {
  const image = imageOf([[NaN, 50, 50]], { rgb: [[1], [1], [1]], bad: [0, 1, 0] });
  assert.deepEqual(painted(image), [[0, 0, 0], [0, 0, 0], [128, 128, 128]]);
  assert.deepEqual(painted(image, { mask: true }), [[0, 0, 0], [255, 0, 200], [128, 128, 128]]);
});

test("what is said of a pixel names bands and units once", () => {
  const image = imageOf([[1.23456789], [NaN]], { bad: [1, 0] });
  assert.equal(valuesAt(image, 0, 0), "g 1.2346 (masked)  r NaN nJy");
  assert.equal(valuesAt(imageOf([[12]]), 0, 0), "12 nJy");
  const mixed = { ...imageOf([[1], [2]]), bands: [{ name: "g", unit: "nJy" }, { name: "r", unit: "" }] };
  assert.equal(valuesAt(mixed, 0, 0), "g 1 nJy  r 2");
});
