// What can be done by a key or a button: {name, keys, title, group, run(view), bar, repeats}. Key handling, the
// list of keys, the buttons below the cards and the titles of all buttons come from these tables.
//
//   name     what buttons refer to
//   keys     as chordOf gives them; the first is shown on the button
//   title    said in the list of keys and in the button's tool tip
//   group    its heading in the list of keys
//   run      given the view, the event of the key or click, and the action
//   word     what stands on the button beside the key, where it is not the name
//   row      actions of one row are one line in the list of keys
//   bar      true where it has a button below the cards, in the order of these tables
//   repeats  true where a key held down goes on; a label is given once

import { chordOf, writtenKey } from "../shared/keys.js";
import { LABELS } from "../shared/labels.js";

const labelActions = Object.entries(LABELS).map(([name, { key }]) => ({
  name, keys: [key.toUpperCase()], title: name, group: "Label", bar: true, run: (view) => view.labelSelection(name),
}));

// Name, key, the position it leads to, row of the list of keys.
/** @type {[string, string, (view: any) => number, string][]} */
export const MOVES = [
  ["left", "ArrowLeft", (view) => view.active - 1, "move"],
  ["up", "ArrowUp", (view) => view.active - view.columns, "move"],
  ["down", "ArrowDown", (view) => view.active + view.columns, "move"],
  ["right", "ArrowRight", (view) => view.active + 1, "move"],
  ["first card", "Home", () => 0, "first, last card"],
  ["last card", "End", (view) => view.cards.length - 1, "first, last card"],
];

export const galleryActions = [
  ...labelActions,
  {
    name: "clear", keys: ["Backspace"], title: "take the label away", group: "Label", bar: true,
    run: (view) => view.labelSelection(null),
  },
  {
    name: "rest nominal", keys: ["."], title: "the rest of this page is nominal", group: "Label", bar: true,
    run: (view) => view.labelRest("nominal"),
  },
  {
    name: "undo", keys: ["Z"], title: "undo", group: "Label", bar: true,
    run: (view) => view.desk.commit({ kind: "undo" }),
  },
  {
    name: "redo", keys: ["Shift+Z"], title: "redo", group: "Label", bar: true,
    run: (view) => view.desk.commit({ kind: "redo" }),
  },
  ...MOVES.map(([name, key, target, row]) => ({
    name, keys: [key], title: name, group: "Move", row, repeats: true, run: (view) => view.move(target(view)),
  })),
  {
    name: "previous page", keys: ["PageUp"], title: "previous page", group: "Move", row: "previous, next page",
    repeats: true,
    run: (view) => view.turn(-1),
  },
  {
    name: "next page", keys: ["PageDown"], title: "next page", group: "Move", row: "previous, next page",
    repeats: true,
    run: (view) => view.turn(1),
  },
  {
    name: "apply", keys: ["R", "Enter"], title: "show the new ranking", word: "new order", group: "Rank", bar: true,
    run: (view) => view.apply(),
  },
  {
    name: "similar", keys: ["M"], title: "more like this", group: "Rank", bar: true,
    run: (view) => view.activeId && view.desk.command("similar", { id: view.activeId }),
  },
  { name: "train", keys: ["T"], title: "train", group: "Rank", run: (view) => view.desk.command("train") },
];

// The actions of one view, found by name or by key.
export class ActionTable {
  constructor(actions) {
    this.all = actions;
    this.byName = new Map(actions.map((action) => [action.name, action]));
    this.byKey = new Map();
    for (const action of actions) {
      for (const key of action.keys) {
        if (this.byKey.has(key)) throw new Error(`${key} is the key of ${this.byKey.get(key).name} and of ${action.name}`);
        this.byKey.set(key, action);
      }
    }
  }

  // Carries out the action of a key; gives whether there was one.
  press(event, view) {
    const action = this.byKey.get(chordOf(event));
    if (!action) return false;
    event.preventDefault();
    if (!event.repeat || action.repeats) action.run(view, event, action);
    return true;
  }

  // "undo (Z)"
  tip(name) {
    const { title, keys } = this.byName.get(name);
    return keys.length ? `${title} (${writtenKey(keys[0])})` : title;
  }
}
