import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Selection } from "../../anomalymatch_ui/app/gallery/selection.js";
import { Model } from "./fakes.js";

let model, told, selection;

beforeEach((t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  model = new Model({ selection: ["a"] });
  told = 0;
  selection = new Selection(model, () => { told += 1; });
});

test("views are told at once, the kernel once it is calm", (t) => {
  selection.set(["a", "b"]);
  t.mock.timers.tick(100);
  selection.toggle("c");
  t.mock.timers.tick(100);
  assert.deepEqual([told, model.saves], [2, 0]);
  t.mock.timers.tick(100);
  assert.deepEqual([model.saves, model.get("selection")], [1, ["a", "b", "c"]]);
});

test("the same cards again are no change", (t) => {
  selection.set(["a"]);
  t.mock.timers.tick(1000);
  assert.deepEqual([told, model.saves], [0, 0]);
});

test("what a script selects takes the place of what waits", (t) => {
  selection.toggle("b");
  model.change("selection", ["z"]);
  t.mock.timers.tick(1000);
  assert.deepEqual([[...selection.ids], model.saves], [["z"], 0]);
});

test("a card that leaves the page leaves the selection", () => {
  selection.set(["a", "b", "c"]);
  selection.keepOnly([{ id: "b" }, { id: "d" }]);
  assert.deepEqual([...selection.ids], ["b"]);
});

test("a page whose kernel is gone, as when it is left, writes nothing", (t) => {
  Object.assign(model, { widget_manager: { kernel: { isDisposed: true } } });
  selection.set(["b"]);
  t.mock.timers.tick(1000);
  assert.deepEqual([[...selection.ids], model.saves], [["b"], 0]);
});
