// What a kernel did not save before it ended is given to the next one.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { Desk } from "../../anomalymatch_ui/app/gallery/desk.js";
import { toGiveAgain } from "../../anomalymatch_ui/app/gallery/unsent.js";
import { Model, openWindow } from "./fakes.js";

class Signal {
  connect(slot) {
    this.slot = slot;
  }

  disconnect() {
    this.slot = null;
  }
}

const desks = [];

async function open(session = "session") {
  const kernel = { connectionStatus: "connected", statusChanged: new Signal() };
  const cards = ["a", "b", "c"].map((id) => ({ id, label: null, tags: [], note: "" }));
  const model = new Model({ page: { cards, listing: 1, number: 0, pages: 9 }, kept_as: session });
  model.widget_manager = { kernel };
  const desk = new Desk(model);
  desks.push(desk);
  const commits = () => model.sent.filter(({ commit }) => commit).map(({ kind, ids, label, commit }) => [kind, ids?.[0], label, commit]);
  const saved = () => {
    for (const { request, frontend } of model.sent.filter(({ commit }) => commit)) {
      model.tell({ kind: "saved", request, frontend, time: "2026-01-02T03:04:05+00:00", labels: {}, marked: [] });
    }
  };
  await desk.gaveAgain;
  return { desk, kernel, commits, saved, leave: () => globalThis.window.dispatchEvent(new Event("pagehide")) };
}

beforeEach((t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  openWindow();
});

afterEach(() => {
  while (desks.length) desks.pop().close();
});

test("a page says that its kernel has ended, and what it keeps", async () => {
  const { desk, kernel } = await open();
  desk.label(["a"], "anomaly");
  kernel.statusChanged.slot(kernel, "busy");
  assert.equal(desk.safety[0], "");
  kernel.statusChanged.slot(kernel, "autorestarting");
  assert.match(desk.safety[0], /^The kernel has ended\. .*; 1 label is kept here/);
});

test("a page may be left once its kernel has ended, for the browser keeps what waits", async () => {
  const { desk, kernel } = await open();
  desk.label(["a"], "anomaly");
  assert.equal(desk.wouldLose, true);
  kernel.statusChanged.slot(kernel, "dead");
  assert.equal(desk.wouldLose, false);
});

test("the next page gives what was not saved to its kernel, once and in order", async () => {
  const former = await open();
  former.desk.label(["a"], "anomaly");
  former.desk.label(["b"], "nominal");
  former.desk.label(["a"], "unsure");
  former.leave();
  const next = await open();
  const given = [["label", "a", "anomaly", 1], ["label", "b", "nominal", 2], ["label", "a", "unsure", 3]];
  assert.deepEqual(next.commits(), given);
  assert.match(next.desk.sentence, /^3 labels or marks were not saved/);
  next.saved();
  next.leave();
  assert.deepEqual((await open()).commits(), []);
});

test("what was saved is not given again", async () => {
  const former = await open();
  former.desk.label(["a"], "anomaly");
  former.saved();
  former.desk.label(["b"], "anomaly");
  former.leave();
  assert.deepEqual((await open()).commits(), [["label", "b", "anomaly", 1]]);
});

test("a page that is still there keeps what it sends, and so does another session", async () => {
  const former = await open();
  former.desk.label(["a"], "anomaly");
  assert.deepEqual((await open()).commits(), []);
  former.leave();
  assert.deepEqual((await open("another")).commits(), []);
});

test("a cell that is run again gives what was not saved, though the page of the ended kernel is still open", async (t) => {
  const former = await open();
  former.desk.label(["a"], "anomaly");
  former.kernel.statusChanged.slot(former.kernel, "restarting");
  t.mock.timers.tick(1000);
  const next = await open();
  assert.deepEqual(next.commits(), [["label", "a", "anomaly", 1]]);
  assert.equal(former.desk.wouldLose, false);
});

test("a page without storage labels as before, and says what goes with it", async (t) => {
  const warn = t.mock.method(console, "warn", () => {});
  Object.defineProperty(globalThis, "localStorage", {
    get() { throw new Error("refused"); }, configurable: true,
  });
  const { desk, kernel, commits } = await open();
  desk.label(["a"], "anomaly");
  assert.deepEqual(commits(), [["label", "a", "anomaly", 1]]);
  t.mock.timers.tick(1000);
  const ofLabels = warn.mock.calls.filter(({ arguments: [text] }) => text.includes("labels cannot be kept"));
  assert.ok(ofLabels.length <= 1); // not four times a second; preferences speak for themselves
  kernel.statusChanged.slot(kernel, "dead");
  assert.equal(desk.wouldLose, true);
  assert.match(desk.safety[0], /; this browser keeps nothing, so 1 label goes with the page$/);
});

test("what was taken back just then is not given again, and an undo of something earlier is not repeated", async () => {
  const label = { kind: "label" };
  const [undo, redo] = [{ kind: "undo" }, { kind: "redo" }];
  assert.deepEqual(toGiveAgain([label, undo]), { again: [], dropped: 0 });
  assert.deepEqual(toGiveAgain([label, undo, redo]), { again: [label], dropped: 0 });
  assert.deepEqual(toGiveAgain([undo, label]), { again: [label], dropped: 1 });
});

test("a label of all that was listed is not given to a kernel that has another list", async () => {
  const [one, all, undo] = [{ kind: "label" }, { kind: "label matching", listing: 3 }, { kind: "undo" }];
  assert.deepEqual(toGiveAgain([one, all]), { again: [one], dropped: 1 });
  assert.deepEqual(toGiveAgain([one, all, undo]), { again: [one], dropped: 0 });
  const former = await open();
  former.desk.commit({ kind: "label matching", label: "nominal", listing: 1 });
  former.leave();
  const next = await open();
  assert.deepEqual(next.commits(), []);
  assert.match(next.desk.sentence, /^What was undone, redone or labelled on all pages just then was not repeated\.$/);
  next.leave();
  assert.equal((await open()).desk.sentence, "");
});

// What a browser does with locks: one that is asked for is held until its promise is kept, or its page is gone.
function openLocks(t) {
  const held = new Map();
  const locks = {
    async request(name, callback) {
      held.set(name, true);
      await callback();
      held.delete(name);
    },
    async query() {
      return { held: [...held.keys()].map((name) => ({ name })), pending: [] };
    },
  };
  Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true });
  t.after(() => { delete globalThis.navigator; });
  return held;
}

test("a page in a frame without an origin, which is refused storage and locks, labels as before", async (t) => {
  const refuse = () => Promise.reject(new Error("refused"));
  t.mock.method(console, "warn", () => {});
  Object.defineProperty(globalThis, "navigator", { value: { locks: { request: refuse, query: refuse } }, configurable: true });
  t.after(() => { delete globalThis.navigator; });
  Object.defineProperty(globalThis, "localStorage", {
    get() { throw new Error("refused"); }, configurable: true,
  });
  const { desk, commits } = await open();
  desk.label(["a"], "anomaly");
  assert.deepEqual(commits(), [["label", "a", "anomaly", 1]]);
});

test("a page that is hidden, and says nothing for minutes, keeps what it sends while it holds its lock", async (t) => {
  openLocks(t);
  const former = await open();
  former.desk.label(["a"], "anomaly");
  t.mock.method(Date, "now", () => 1e15);
  assert.deepEqual((await open()).commits(), []);
  former.leave();
  assert.deepEqual((await open()).commits(), [["label", "a", "anomaly", 1]]);
});

test("what a page left that ended without a word goes to the next one at once", async (t) => {
  const held = openLocks(t);
  const former = await open();
  former.desk.label(["a"], "anomaly");
  held.clear(); // as the browser does when a page's process has died
  assert.deepEqual((await open()).commits(), [["label", "a", "anomaly", 1]]);
});

test("an image that was labelled since keeps that label", () => {
  const [one, two] = [{ kind: "label", ids: ["a", "b"], label: "anomaly" }, { kind: "label", ids: ["c"], label: "nominal" }];
  const { again, dropped } = toGiveAgain([one, two], new Map([["a", "nominal"], ["c", "anomaly"]]));
  assert.deepEqual(again, [{ ...one, ids: ["b"] }]);
  assert.equal(dropped, 0);
});
