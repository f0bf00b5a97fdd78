import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Camera } from "../../anomalymatch_ui/app/pictures/camera.js";

let camera;

beforeEach(() => {
  camera = Object.assign(new Camera(), { width: 600, height: 400 });
});

const near = (one, other) => one.forEach((value, at) => assert.ok(Math.abs(value - other[at]) < 1e-9, `${one} is not ${other}`));

test("at first the whole map is in the frame, with a margin", () => {
  for (const corner of [[-1, -1], [1, 1]]) {
    const [x, y] = camera.pixel(...corner);
    assert.ok(x > 0 && x < 600 && y > 0 && y < 400);
  }
  near(camera.pixel(0, 0), [300, 200]);
});

test("pixels lead to places and places to the same pixels", () => {
  camera.zoomBy(3, 100, 50);
  near(camera.pixel(...camera.place(123, 45)), [123, 45]);
});

test("what is under the pointer stays there when the map is magnified", () => {
  const before = camera.place(450, 120);
  camera.zoomBy(2.5, 450, 120);
  near(camera.place(450, 120), before);
});

test("a drag moves the map by as many pixels", () => {
  camera.zoomBy(4);
  const before = camera.pixel(0.1, -0.1);
  camera.pan(30, -20);
  near(camera.pixel(0.1, -0.1), [before[0] + 30, before[1] - 20]);
});

test("neither a drag nor the wheel loses the map", () => {
  camera.pan(1e6, 1e6);
  assert.deepEqual(camera.centre, [-1, 1]);
  camera.zoomBy(1e9);
  assert.equal(camera.zoom, 200);
  camera.zoomBy(1e-9);
  assert.equal(camera.zoom, 1);
});
