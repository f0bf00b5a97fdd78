import assert from "node:assert/strict";
import { test } from "node:test";

import { shownSide } from "../../anomalymatch_ui/app/gallery/paging.js";

test("small images are magnified by whole numbers, so that each pixel stays a sharp square", () => {
  assert.deepEqual([64, 100, 128, 180, 256].map((wanted) => shownSide(64, wanted)), [64, 128, 128, 192, 256]);
});

test("no image is larger than the largest thumbnail", () => {
  for (let native = 16; native <= 256; native += 1) {
    for (let wanted = 64; wanted <= 256; wanted += 4) assert.ok(shownSide(native, wanted) <= 256, `${native} as ${wanted}`);
  }
});

test("large images, and those of unknown size, are as large as was chosen", () => {
  assert.deepEqual([shownSide(424, 128), shownSide(undefined, 128)], [128, 128]);
});
