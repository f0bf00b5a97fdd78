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

function open(session = "session") {
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
  return { desk, kernel, commits, saved, leave: () => globalThis.window.dispatchEvent(new Event("pagehide")) };
}

beforeEach((t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  openWindow();
});

afterEach(() => {
  while (desks.length) desks.pop().close();
});

test("a page says that its kernel has ended, and what it keeps", () => {
  const { desk, kernel } = open();
  desk.label(["a"], "anomaly");
  kernel.statusChanged.slot(kernel, "busy");
  assert.equal(desk.safety[0], "");
  kernel.statusChanged.slot(kernel, "autorestarting");
  assert.match(desk.safety[0], /^The kernel has ended\. .*; 1 label is kept here/);
});

test("a page may be left once its kernel has ended, for the browser keeps what waits", () => {
  const { desk, kernel } = open();
  desk.label(["a"], "anomaly");
  assert.equal(desk.wouldLose, true);
  kernel.statusChanged.slot(kernel, "dead");
  assert.equal(desk.wouldLose, false);
});

test("the next page gives what was not saved to its kernel, once and in order", () => {
  const former = open();
  former.desk.label(["a"], "anomaly");
  former.desk.label(["b"], "nominal");
  former.desk.label(["a"], "unsure");
  former.leave();
  const next = open();
  const given = [["label", "a", "anomaly", 1], ["label", "b", "nominal", 2], ["label", "a", "unsure", 3]];
  assert.deepEqual(next.commits(), given);
  assert.match(next.desk.sentence, /^3 labels or marks were not saved/);
  next.saved();
  next.leave();
  assert.deepEqual(open().commits(), []);
});

test("what was saved is not given again", () => {
  const former = open();
  former.desk.label(["a"], "anomaly");
  former.saved();
  former.desk.label(["b"], "anomaly");
  former.leave();
  assert.deepEqual(open().commits(), [["label", "b", "anomaly", 1]]);
});

test("a page that is still there keeps what it sends, and so does another session", () => {
  const former = open();
  former.desk.label(["a"], "anomaly");
  assert.deepEqual(open().commits(), []);
  former.leave();
  assert.deepEqual(open("another").commits(), []);
});

test("a cell that is run again gives what was not saved, though the page of the ended kernel is still open", (t) => {
  const former = open();
  former.desk.label(["a"], "anomaly");
  former.kernel.statusChanged.slot(former.kernel, "restarting");
  t.mock.timers.tick(1000);
  const next = open();
  assert.deepEqual(next.commits(), [["label", "a", "anomaly", 1]]);
  assert.equal(former.desk.wouldLose, false);
});

test("a page without storage labels as before, and says what goes with it", (t) => {
  const warn = t.mock.method(console, "warn", () => {});
  Object.defineProperty(globalThis, "localStorage", {
    get() { throw new Error("refused"); }, configurable: true,
  });
  const { desk, kernel, commits } = open();
  desk.label(["a"], "anomaly");
  assert.deepEqual(commits(), [["label", "a", "anomaly", 1]]);
  t.mock.timers.tick(1000);
  const ofLabels = warn.mock.calls.filter(({ arguments: [text] }) => text.includes("labels cannot be kept"));
  assert.ok(ofLabels.length <= 1); // not four times a second; preferences speak for themselves
  kernel.statusChanged.slot(kernel, "dead");
  assert.equal(desk.wouldLose, true);
  assert.match(desk.safety[0], /; this browser keeps nothing, so 1 label goes with the page$/);
});

test("what was taken back just then is not given again, and an undo of something earlier is not repeated", () => {
  const label = { kind: "label" };
  const [undo, redo] = [{ kind: "undo" }, { kind: "redo" }];
  assert.deepEqual(toGiveAgain([label, undo]), { again: [], dropped: 0 });
  assert.deepEqual(toGiveAgain([label, undo, redo]), { again: [label], dropped: 0 });
  assert.deepEqual(toGiveAgain([undo, label]), { again: [label], dropped: 1 });
});

test("a label of all that was listed is not given to a kernel that has another list", () => {
  const [one, all, undo] = [{ kind: "label" }, { kind: "label matching", listing: 3 }, { kind: "undo" }];
  assert.deepEqual(toGiveAgain([one, all]), { again: [one], dropped: 1 });
  assert.deepEqual(toGiveAgain([one, all, undo]), { again: [one], dropped: 0 });
  const former = open();
  former.desk.commit({ kind: "label matching", label: "nominal", listing: 1 });
  former.leave();
  const next = open();
  assert.deepEqual(next.commits(), []);
  assert.match(next.desk.sentence, /^What was undone, redone or labelled on all pages just then was not repeated\.$/);
  next.leave();
  assert.equal(open().desk.sentence, "");
});
