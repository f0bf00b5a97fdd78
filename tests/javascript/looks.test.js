import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Looks } from "../../anomalymatch_ui/app/looking/looks.js";
import { ORIGINAL_LOOK } from "../../anomalymatch_ui/app/looking/stretch.js";
import { openWindow } from "./fakes.js";

beforeEach(openWindow);

test("the page's look and those of single images are there after a reload", () => {
  const looks = new Looks();
  looks.change({ stretch: "asinh" });
  looks.change({ invert: true }, "a");
  const again = new Looks();
  assert.equal(again.of("b").stretch, "asinh");
  assert.deepEqual([again.of("a").stretch, again.of("a").invert], ["asinh", true]);
  assert.equal(again.original, false);
});

test("an image with a look of its own keeps it when the page's changes, until it is reset", () => {
  const looks = new Looks();
  looks.change({ contrast: 2 }, "a");
  looks.change({ stretch: "log" });
  assert.equal(looks.of("a").stretch, "linear");
  assert.equal(looks.target("a"), "a");
  looks.reset("a");
  assert.deepEqual([looks.of("a").stretch, looks.target("a")], ["log", null]);
});

test("of the looks of single images the newest two hundred are kept", () => {
  const looks = new Looks();
  for (let at = 0; at < 200; at += 1) looks.change({ contrast: 2 }, `i${at}`);
  looks.change({ contrast: 3 }, "i0");
  looks.change({ contrast: 2 }, "one more");
  assert.deepEqual([looks.own.size, looks.own.has("i0"), looks.own.has("i1")], [200, true, false]);
});

test("a script's look is taken once; what a person changes afterwards stays over a reload", () => {
  const looks = new Looks();
  looks.script({ stretch: "log" });
  looks.change({ stretch: "sqrt" });
  const again = new Looks();
  again.script({ stretch: "log" });
  assert.equal(again.page.stretch, "sqrt");
  again.script({ stretch: "asinh" });
  assert.equal(again.page.stretch, "asinh");
});

test("where native values are stretched elsewhere, a look has no stretch, limits or bands", () => {
  const looks = new Looks(true);
  looks.change({ stretch: "log", limits: "zscale", bands: "R", contrast: 2 });
  assert.deepEqual(looks.page, { ...ORIGINAL_LOOK, contrast: 2 });
});

test("a browser that remembers nothing still changes looks", (t) => {
  const warned = t.mock.method(console, "warn", () => {});
  t.mock.method(localStorage, "setItem", () => { throw new Error("full"); });
  const looks = new Looks();
  looks.change({ invert: true });
  assert.equal(looks.page.invert, true);
  assert.equal(warned.mock.callCount(), 1);
});
