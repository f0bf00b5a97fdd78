import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Questions } from "../../anomalymatch_ui/app/pictures/questions.js";
import { Model } from "./fakes.js";

let model, questions;

beforeEach((t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  model = new Model();
  questions = new Questions(model);
});

test("answers find their questions by number, in whatever order they come", async () => {
  const both = [questions.ask({ kind: "points" }), questions.ask({ kind: "colours" })];
  const [first, second] = model.sent;
  model.tell({ ...second, kind: "colours" });
  model.tell({ ...first, kind: "points" });
  assert.deepEqual((await Promise.all(both)).map(({ kind }) => kind), ["points", "colours"]);
});

test("bytes come as buffers of their own, which typed arrays can be made of", async () => {
  const asked = questions.ask({ kind: "points" });
  const bytes = new Uint8Array(Float32Array.of(0, 1.5, -2).buffer);
  const within = new Uint8Array([9, ...bytes]);
  model.tell({ ...model.sent[0] }, [new DataView(within.buffer, 1)]);
  assert.deepEqual([...new Float32Array((await asked).buffers[0])], [0, 1.5, -2]);
});

test("without an answer a question counts as refused, and a late one is passed over", async (t) => {
  const asked = questions.ask({ kind: "thumbnail", row: 3 });
  t.mock.timers.tick(15000);
  assert.equal((await asked).kind, "refused");
  model.tell({ ...model.sent[0], kind: "thumbnail" });
});

test("what the kernel tells everybody is heard; what it answers others is not", () => {
  const heard = [];
  questions.heard.add((message) => heard.push(message.kind));
  model.tell({ kind: "selected" });
  model.tell({ kind: "points", frontend: "another", request: 1 });
  questions.close();
  model.tell({ kind: "selected" });
  assert.deepEqual(heard, ["selected"]);
});
