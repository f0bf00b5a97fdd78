import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { pickCard, pickingActions } from "../../anomalymatch_ui/app/gallery/picking.js";
import { Selection } from "../../anomalymatch_ui/app/gallery/selection.js";
import { Model } from "./fakes.js";

let view;

// Twelve cards in rows of four, the ring on the sixth.
beforeEach((t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  view = {
    cards: Array.from({ length: 12 }, (_, at) => ({ card: { id: `i${at}` } })),
    active: 5,
    anchor: null,
    columns: 4,
    desk: { selection: new Selection(new Model(), () => {}), touch() {} },
    activate(position) {
      this.active = position;
      this.anchor = null;
    },
    move(position) {
      this.activate(position);
    },
  };
});

const press = (name) => pickingActions.find((action) => action.name === name).run(view);
const click = (position, { onButton = false, ...keys } = {}) => pickCard(view, position, {
  target: { closest: () => (onButton ? {} : null) }, ...keys,
});
const selected = () => [...view.desk.selection.ids].map((id) => Number(id.slice(1)));

test("Shift and arrows select from where the ring was, forth and back over it", () => {
  press("select right");
  press("select right");
  assert.deepEqual(selected(), [5, 6, 7]);
  press("select up");
  assert.deepEqual(selected(), [3, 4, 5]);
  assert.equal(view.active, 3);
});

test("a range ends with the page", () => {
  press("select down");
  press("select down");
  assert.deepEqual(selected(), [5, 6, 7, 8, 9, 10, 11]);
  press("select first card");
  assert.deepEqual(selected(), [0, 1, 2, 3, 4, 5]);
});

test("Shift+click selects up to there, Ctrl+click adds and drops one", () => {
  click(8, { shiftKey: true });
  assert.deepEqual(selected(), [5, 6, 7, 8]);
  click(6, { ctrlKey: true });
  click(1, { metaKey: true });
  assert.deepEqual(selected(), [5, 7, 8, 1]);
});

test("a click drops the selection; one on a card's button keeps it", () => {
  press("select page");
  click(2, { onButton: true });
  assert.equal(selected().length, 12);
  click(2);
  assert.deepEqual([selected(), view.active], [[], 2]);
});

test("Escape drops the selection first, and then goes back to the list", () => {
  const commands = [];
  view.desk.command = (name) => commands.push(name);
  view.desk.model = new Model({ finding: { back: "unlabelled" } });
  press("select page");
  press("drop selection");
  assert.deepEqual([selected(), commands], [[], []]);
  press("drop selection");
  assert.deepEqual(commands, ["back"]);
});
