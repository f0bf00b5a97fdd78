import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { arrayOf, saveChanges, sendTo } from "../../anomalymatch_ui/app/shared/kernel.js";
import { Questions } from "../../anomalymatch_ui/app/shared/questions.js";
import { Model } from "./fakes.js";

const PATIENCE = 2000;

let model, questions;

beforeEach((t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  model = new Model();
  questions = new Questions(model, PATIENCE);
});

afterEach(() => questions.close());

test("answers find their questions by number, in whatever order they come", async () => {
  const both = [questions.ask({ kind: "points" }), questions.ask({ kind: "colours" })];
  const [first, second] = model.sent;
  model.tell({ ...second, version: 2 });
  model.tell({ ...first, version: 1 });
  assert.deepEqual((await Promise.all(both)).map(({ version }) => version), [1, 2]);
});

test("a question is asked again until it is answered, and then no more", async (t) => {
  const asked = questions.ask({ kind: "thumbnail", row: 3 });
  t.mock.timers.tick(2 * PATIENCE);
  assert.equal(model.sent.length, 3);
  assert.deepEqual(model.sent[2], model.sent[0]);
  model.tell({ ...model.sent[0], lines: ["a.png"] }, ["jpeg"]);
  assert.deepEqual(await asked.then(({ lines, buffers }) => [lines, buffers]), [["a.png"], ["jpeg"]]);
  t.mock.timers.tick(10 * PATIENCE);
  assert.equal(model.sent.length, 3);
});

test("a question that the kernel refuses is broken with its sentence", async () => {
  const asked = questions.ask({ kind: "closeup", id: "b" });
  model.tell({ ...model.sent[0], kind: "refused", sentence: "It cannot be read." });
  await assert.rejects(asked, { message: "It cannot be read." });
});

test("a question that nobody is left to answer is broken at once, and sent to nobody", async (t) => {
  questions.close();
  await assert.rejects(questions.ask({ kind: "closeup", id: "b" }), /^Error: The kernel has ended\./);
  t.mock.timers.tick(2 * PATIENCE);
  assert.deepEqual(model.sent, []);
});

test("what was asked is broken when the kernel ends", async (t) => {
  const asked = questions.ask({ kind: "closeup", id: "b" });
  questions.end();
  await assert.rejects(asked, /^Error: The kernel has ended\./);
  t.mock.timers.tick(2 * PATIENCE);
  assert.equal(model.sent.length, 1);
});

test("what is answered twice, or to another page, is passed over", async () => {
  const asked = questions.ask({ kind: "points" });
  model.tell({ ...model.sent[0], frontend: "another", version: 7 });
  model.tell({ ...model.sent[0], version: 1 });
  model.tell({ ...model.sent[0], version: 2 });
  assert.equal((await asked).version, 1);
});

test("bytes become arrays wherever in their buffer they begin", () => {
  const bytes = new Uint8Array(Float32Array.of(0, 1.5, -2).buffer);
  const within = new Uint8Array([9, ...bytes]);
  assert.deepEqual([...arrayOf(Float32Array, new DataView(within.buffer, 1))], [0, 1.5, -2]);
});

test("a connection that is closed breaks nothing", (t) => {
  const warned = t.mock.method(console, "warn", () => {});
  t.mock.method(model, "send", () => { throw new Error("closed"); });
  sendTo(model, { kind: "pick" });
  assert.equal(warned.mock.callCount(), 1);
});

test("traits are told to a kernel that is there, and to none that the page has let go of", () => {
  const kernel = { isDisposed: false };
  Object.assign(model, { widget_manager: { kernel } });
  saveChanges(model);
  kernel.isDisposed = true;
  saveChanges(model);
  assert.equal(model.saves, 1);
});
