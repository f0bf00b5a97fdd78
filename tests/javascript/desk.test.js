// The queue of labels on their way to the disk.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { Desk } from "../../anomalymatch_ui/app/gallery/desk.js";
import { Model, openWindow } from "./fakes.js";

const TIME = "2026-01-02T03:04:05+00:00";

let clock, desk, model;

beforeEach((t) => {
  clock = 0;
  t.mock.timers.enable({ apis: ["setInterval", "setTimeout"] });
  t.mock.method(performance, "now", () => clock);
  t.mock.method(console, "warn", () => {});
  openWindow();
  const cards = ["a", "b", "c"].map((id) => ({ id, label: null, tags: [], note: "" }));
  model = new Model({ page: { cards, listing: 1, number: 0, pages: 9 } });
  desk = new Desk(model);
});

afterEach(() => desk.close());

const wait = (t, milliseconds) => {
  for (let passed = 0; passed < milliseconds; passed += 250) {
    clock += 250;
    t.mock.timers.tick(250);
  }
};
const commits = () => model.sent.filter(({ commit }) => commit);
const saved = ({ request, frontend }, more = {}) => {
  model.tell({ kind: "saved", request, frontend, time: TIME, labels: {}, marked: [], ...more });
};
const shown = (id) => {
  const { label, progress } = desk.state(id);
  return `${label} ${progress}`;
};

test("a label is shown at once, and is saved when the disk has it", () => {
  desk.label(["a"], "anomaly");
  assert.equal(shown("a"), "anomaly sending");
  saved(commits()[0]);
  assert.equal(shown("a"), "anomaly saved");
  assert.match(desk.safety[0], /^saved /);
});

test("without an answer a label is late, is sent again as it was, and counts once", (t) => {
  desk.label(["a"], "anomaly");
  wait(t, 2000);
  assert.equal(shown("a"), "anomaly late");
  assert.deepEqual(desk.safety, ["Not saved: no answer; 1 label is kept here and sent again", "error"]);
  assert.deepEqual(commits()[1], commits()[0]);
  saved(commits()[0]);
  wait(t, 10000);
  assert.equal(commits().length, 2);
});

test("commits are numbered in the order in which they were given", () => {
  desk.label(["a"], "anomaly");
  desk.ask({ kind: "facts", id: "a" }).catch(() => {});
  desk.label(["a"], "nominal");
  desk.commit({ kind: "undo" });
  assert.deepEqual(commits().map(({ commit }) => commit), [1, 2, 3]);
});

test("what was given last is shown, in whatever order the answers come", () => {
  desk.label(["a"], "anomaly");
  desk.label(["a"], "nominal");
  const [first, second] = commits();
  saved(second);
  saved(first);
  assert.equal(shown("a"), "nominal saved");
});

test("a label that the session refuses goes, and the reason is said", () => {
  desk.label(["a"], "anomaly");
  const [{ request, frontend }] = commits();
  model.tell({ kind: "refused", request, frontend, sentence: "There is no such image." });
  assert.equal(shown("a"), "null saved");
  assert.deepEqual([desk.sentence, desk.tone], ["There is no such image.", "error"]);
});

test("a label that the disk refuses stays, and is sent again until it takes it", (t) => {
  desk.label(["a"], "anomaly");
  const [{ request, frontend }] = commits();
  model.tell({ kind: "not kept", request, frontend, sentence: "The disk is full." });
  assert.equal(shown("a"), "anomaly late");
  assert.match(desk.safety[0], /^Not saved: the disk refuses/);
  wait(t, 2000);
  assert.equal(commits().length, 2);
  saved(commits()[1]);
  assert.equal(shown("a"), "anomaly saved");
});

test("a connection that is closed loses nothing", (t) => {
  const send = t.mock.method(model, "send", () => { throw new Error("closed"); });
  desk.label(["a", "b"], "nominal");
  send.mock.restore();
  wait(t, 2000);
  assert.deepEqual(commits().map(({ ids }) => ids), [["a", "b"]]);
});

test("a page is not left while labels wait for the disk", () => {
  const leave = () => {
    const event = new Event("beforeunload", { cancelable: true });
    globalThis.window.dispatchEvent(event);
    return event.defaultPrevented;
  };
  assert.equal(leave(), false);
  desk.label(["a"], "anomaly");
  assert.equal(leave(), true);
  saved(commits()[0]);
  assert.equal(leave(), false);
});

test("the same label again is nothing to send, unless somebody else gave it", () => {
  desk.label(["a"], "anomaly");
  saved(commits()[0]);
  desk.label(["a"], "anomaly");
  assert.equal(commits().length, 1);
  model.tell({ kind: "labels", labels: { b: "anomaly" } });
  desk.label(["b"], "anomaly");
  assert.equal(commits().length, 2);
});

test("tags and a note wait for the disk as labels do, each for itself", () => {
  desk.commit({ kind: "tag", ids: ["a"], tag: "ring", on: true });
  desk.commit({ kind: "note", ids: ["a"], text: "two cores" });
  desk.commit({ kind: "tag", ids: ["a"], tag: "ring", on: false });
  const [on, note, off] = commits();
  const plain = { label: null, favourite: false, interest: null, tags: [], note: "two cores" };
  assert.deepEqual(desk.state("a"), { ...plain, progress: "sending" });
  for (const commit of [off, on, note]) saved(commit);
  assert.deepEqual(desk.state("a"), { ...plain, progress: "saved" });
});

test("a star and an interest are shown before the disk has them, each for itself", () => {
  desk.commit({ kind: "favourite", ids: ["a"], on: true });
  desk.commit({ kind: "interest", ids: ["a"], value: 0 });
  const [star, interest] = commits();
  assert.deepEqual([desk.state("a").favourite, desk.state("a").interest], [true, 0]);
  saved(interest);
  saved(star);
  assert.deepEqual([desk.state("a").favourite, desk.state("a").interest, desk.state("b").interest], [true, 0, null]);
});

test("an undo shows what it has changed, and says what lies on another page", () => {
  const told = [];
  desk.views.add({ heed: (what, detail) => told.push([what, detail]) });
  desk.commit({ kind: "undo" });
  saved(commits()[0], { labels: { b: "nominal" } });
  assert.deepEqual(told.find(([what]) => what === "activate"), ["activate", 1]);
  desk.commit({ kind: "undo" });
  saved(commits()[1], { labels: { "far/away.png": null } });
  assert.equal(desk.sentence, "undo: away.png, now without a label");
});

test("an answer that comes late does not take the ring from who has gone on", () => {
  const told = [];
  desk.views.add({ heed: (what) => told.push(what) });
  desk.commit({ kind: "undo" });
  desk.touch();
  saved(commits()[0], { labels: { b: "nominal" } });
  assert.ok(!told.includes("activate"));
});

test("a question is no commit: it is answered beside what waits for the disk", async () => {
  desk.label(["a"], "anomaly");
  const answer = desk.ask({ kind: "closeup", id: "a" });
  model.tell({ ...model.sent.at(-1), kind: "answer", width: 3 }, ["png"]);
  assert.deepEqual(await answer.then(({ width, buffers }) => [width, buffers]), [3, ["png"]]);
  assert.equal(shown("a"), "anomaly sending");
});

test("a page that does not come is asked for again, and another list is not overtaken", (t) => {
  const asked = () => model.sent.filter(({ kind }) => kind === "page").length;
  desk.turnTo(3, "last");
  wait(t, 3250);
  assert.equal(asked(), 2);
  model.change("page", { cards: [], listing: 2, number: 0, pages: 1 });
  wait(t, 10000);
  assert.deepEqual([desk.wanted, asked()], [null, 2]);
});

test("messages to another browser are not taken for answers", () => {
  desk.label(["a"], "anomaly");
  saved({ ...commits()[0], frontend: "another" });
  assert.equal(shown("a"), "anomaly sending");
});
