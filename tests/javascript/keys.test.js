import assert from "node:assert/strict";
import { test } from "node:test";

import { ActionTable, galleryActions } from "../../anomalymatch_ui/app/gallery/actions.js";
import { findingActions } from "../../anomalymatch_ui/app/finding/finding.js";
import { helpActions } from "../../anomalymatch_ui/app/gallery/help.js";
import { chordOf, writtenKey } from "../../anomalymatch_ui/app/shared/keys.js";
import { lookActions } from "../../anomalymatch_ui/app/looking/looking.js";
import { markActions } from "../../anomalymatch_ui/app/gallery/marking.js";
import { pickingActions } from "../../anomalymatch_ui/app/gallery/picking.js";
import { pictureActions } from "../../anomalymatch_ui/app/gallery/pictures.js";
import { closeupActions } from "../../anomalymatch_ui/app/closeup/zoom.js";

const pressed = (key, more = {}) => ({ key, code: "", getModifierState: () => false, preventDefault() {}, ...more });

const CHORDS = [
  ["a letter is its capital", pressed("a"), "A"],
  ["Shift is said of a letter", pressed("Z", { shiftKey: true }), "Shift+Z"],
  ["Cmd counts as Ctrl", pressed("a", { metaKey: true }), "Ctrl+A"],
  ["a sign needs no Shift", pressed("?", { shiftKey: true }), "?"],
  ["nor AltGr, which is Ctrl and Alt", pressed("{", { ctrlKey: true, altKey: true, getModifierState: () => true }), "{"],
  ["a letter of another script goes by its place", pressed("ф", { code: "KeyA" }), "A"],
  ["arrows keep Shift", pressed("ArrowLeft", { shiftKey: true }), "Shift+ArrowLeft"],
  ["the space bar has a name", pressed(" "), "Space"],
];
for (const [behaviour, event, chord] of CHORDS) {
  test(behaviour, () => assert.equal(chordOf(event), chord));
}

test("keys are written as they stand on a keyboard", () => {
  const written = ["Shift+Z", "Shift+ArrowLeft", "Ctrl+A", "PageDown", "+", "."].map(writtenKey);
  assert.deepEqual(written, ["⇧Z", "⇧←", "Ctrl+A", "PgDn", "+", "."]);
});

test("no key of the gallery has two meanings", () => {
  const parts = [galleryActions, markActions, pickingActions, findingActions, closeupActions, lookActions, pictureActions, helpActions];
  const table = new ActionTable(parts.flat());
  assert.equal(table.byName.size, table.all.length);
  assert.throws(() => new ActionTable([...table.all, { name: "another", keys: ["A"] }]), /A is the key of anomaly and of another/);
});

test("a key held down labels once, and moves on and on", () => {
  const done = [];
  const table = new ActionTable([
    { name: "label", keys: ["A"], run: () => done.push("label") },
    { name: "right", keys: ["ArrowRight"], repeats: true, run: () => done.push("right") },
  ]);
  for (const repeat of [false, true, true]) {
    for (const key of ["a", "ArrowRight"]) assert.ok(table.press(pressed(key, { repeat }), null));
  }
  assert.deepEqual(done, ["label", "right", "right", "right"]);
  assert.equal(table.press(pressed("q"), null), false);
});
