import assert from "node:assert/strict";
import { test } from "node:test";

import { barLength, writtenLength } from "../../anomalymatch_ui/app/closeup/zoomcompass.js";

test("a scale bar is 1, 2 or 5 times a power of ten, and as long as fits", () => {
  assert.deepEqual([0.07, 1, 1.99, 4, 5, 49, 300].map(barLength), [0.05, 1, 1, 2, 5, 20, 200]);
});

test("lengths are written in the unit that suits them", () => {
  assert.deepEqual([0.5, 20, 119, 120, 300, 3600, 5400].map(writtenLength), ["0.5″", "20″", "119″", "2′", "5′", "1°", "1.5°"]);
});
