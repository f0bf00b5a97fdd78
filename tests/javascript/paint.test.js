import assert from "node:assert/strict";
import { test } from "node:test";

import { histogramOf, paint, palette, tablesOf } from "../../anomalymatch_ui/app/looking/paint.js";
import { placeOf } from "../../anomalymatch_ui/app/looking/sheetpainter.js";
import { ORIGINAL_LOOK } from "../../anomalymatch_ui/app/looking/stretch.js";

const packed = (red, green, blue) => (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;

// A sheet of two images beside each other, 2 x 2 pixels each.
const SHEET = Uint32Array.of(
  packed(1, 2, 3), packed(4, 5, 6), packed(250, 20, 30), packed(9, 9, 9),
  packed(7, 8, 9), packed(10, 11, 12), packed(0, 0, 0), packed(255, 255, 255),
);
const SECOND = { x: 2, y: 0, width: 2, height: 2 };

function painted(look) {
  const target = new Uint32Array(4);
  paint(SHEET, 4, SECOND, target, tablesOf({ ...ORIGINAL_LOOK, ...look }, [0, 255]));
  return [...target];
}

test("the original look paints the pixels of that image alone, unchanged", () => {
  assert.deepEqual(painted({}), [SHEET[2], SHEET[3], SHEET[6], SHEET[7]]);
});

test("a band that is off is black", () => {
  assert.deepEqual(painted({ bands: "G" }), [packed(0, 20, 0), packed(0, 9, 0), packed(0, 0, 0), packed(0, 255, 0)]);
});

test("a colour map paints the luminance of the bands that are on", () => {
  const grey = painted({ colour_map: "grey", bands: "R" });
  assert.deepEqual(grey, [packed(250, 250, 250), packed(9, 9, 9), packed(0, 0, 0), packed(255, 255, 255)]);
  assert.equal(painted({ colour_map: "viridis" })[2], packed(0x44, 0x01, 0x54));
});

test("colour maps have 256 opaque colours and end where they are published to end", () => {
  for (const name of ["grey", "viridis", "magma", "cubehelix"]) {
    const colours = palette(name);
    assert.equal(colours.length, 256);
    assert.ok(colours.every((colour) => colour >>> 24 === 255));
  }
  assert.equal(palette("cubehelix")[0], packed(0, 0, 0));
  assert.equal(palette("cubehelix")[255], packed(255, 255, 255));
  assert.equal(palette("magma")[255], packed(0xfc, 0xfd, 0xbf));
});

test("a histogram counts the bands that are on, or one luminance a pixel", () => {
  const sum = (histogram) => histogram.reduce((total, count) => total + count, 0);
  assert.equal(sum(histogramOf(SHEET, 4, SECOND, ORIGINAL_LOOK)), 12);
  const red = histogramOf(SHEET, 4, SECOND, { ...ORIGINAL_LOOK, bands: "R" });
  assert.deepEqual([sum(red), red[250], red[9], red[0], red[255]], [4, 1, 1, 1, 1]);
  assert.equal(sum(histogramOf(SHEET, 4, SECOND, { ...ORIGINAL_LOOK, colour_map: "grey" })), 4);
});

test("images lie on a sheet row by row, within their inset", () => {
  const layout = { cell: 64, pitch: 66, inset: 1, columns: 10 };
  assert.deepEqual(placeOf(layout, 0), { x: 1, y: 1, width: 64, height: 64 });
  assert.deepEqual(placeOf(layout, 23), { x: 1 + 3 * 66, y: 1 + 2 * 66, width: 64, height: 64 });
});
