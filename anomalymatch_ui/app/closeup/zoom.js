// The close-up: one image in its full resolution over the gallery, with the label keys and the looks.

import { element, quietButton } from "../shared/elements.js";
import { writtenKey } from "../shared/keys.js";
import { LABELS } from "../shared/labels.js";
import { whole } from "../shared/numbers.js";
import { LookControls } from "../looking/lookcontrols.js";
import { lookActionsFor } from "../looking/looking.js";
import { isNative, looksOf } from "../looking/looks.js";
import { ZoomFacts } from "./zoomfacts.js";
import { ZoomField, fieldActionsFor, fieldsOf } from "./zoomfield.js";
import { ZoomNative, nativeActionsFor } from "./zoomnative.js";
import { ZoomPicture } from "./zoompicture.js";

const REST = 150; // ms on an image before what is like it is asked for
const ANSWERS_KEPT = 6;
const PAN_STEP = 80; // device pixels

export const closeupActions = [
  {
    name: "close-up", keys: ["Space"], title: "close-up", group: "Look",
    run: (view) => view.activeId && openZoom(view, view.activeId),
  },
];

class Zoom {
  constructor(view) {
    this.view = view;
    this.desk = view.desk;
    this.id = null;
    this.settled = false; // whether the picture of `id`, or why there is none, is shown
    this.trail = []; // where a neighbour was opened from
    this.answers = new Map(); // id -> promise of what is known of it
    const looks = looksOf(view.desk);
    this.picture = new ZoomPicture(looks, {
      changed: () => this.drawScale(),
      pointed: (text) => { this.pixel.textContent = text; },
    });
    this.native = new ZoomNative(view.desk, this.picture);
    this.field = new ZoomField(view.desk, () => this.fieldChanged());
    this.facts = new ZoomFacts(looks, (id) => this.follow(id));
    this.controls = new LookControls(looks, () => this.id, () => this.root.parentElement?.focus());
    this.actions = zoomActions(this, view.desk);
    this.build();
    this.ends = [view.onPage(() => this.pageTurned()), view.onLabels(() => this.labelsChanged())];
  }

  build() {
    this.name = element("h2", "am-zoom-name", { "aria-live": "polite" });
    this.back = quietButton("am-zoom-back", { textContent: "‹ back", hidden: true }, () => this.show(this.trail.pop()));
    this.scale = element("span", "am-zoom-scale");
    this.pixel = element("span", "am-zoom-pixel");
    const buttons = (names) => names.map((name) => this.button(name));
    const top = element("div", "am-zoom-top");
    top.append(this.back, ...buttons(["previous", "next"]), this.name, this.scale,
      ...buttons(["smaller", "larger", "one to one", "fit"]), this.field.root, this.controls.root, this.button("close"));
    const bottom = element("div", "am-zoom-bottom");
    bottom.append(...buttons([...Object.keys(LABELS), "clear", "undo"]), this.pixel);
    const middle = element("div", "am-zoom-middle");
    middle.append(this.picture.root, this.facts.root);
    this.root = element("div", "am-zoom");
    this.root.append(top, this.native.root, middle, bottom);
  }

  button(name) {
    const action = this.actions.find((one) => one.name === name);
    const properties = { title: action.title, "aria-label": action.title };
    const button = quietButton(`am-key-button${LABELS[name] ? ` am-${name}` : ""}`, properties, () => action.run(this.view));
    const mark = LABELS[name] ? `${LABELS[name].mark} ` : "";
    button.append(element("kbd", "", { textContent: mark + writtenKey(action.keys[0]) }));
    if (action.text) button.append(` ${action.text}`);
    return button;
  }

  close() {
    for (const end of this.ends) end();
    clearTimeout(this.rest);
    this.id = null;
    this.picture.close();
    this.native.close();
    this.facts.close();
    this.controls.close();
  }

  // What is shown

  async show(id) {
    this.id = id;
    this.known = null;
    this.settled = false;
    this.waiting = this.undoing = false;
    this.name.textContent = id.split("/").at(-1);
    this.name.title = id;
    this.back.hidden = !this.trail.length;
    clearTimeout(this.rest);
    this.picture.say("");
    this.facts.clear();
    this.takeFocus();
    this.controls.refresh();
    try {
      const answer = await this.fetch(id);
      if (this.id === id) {
        this.known = answer;
        this.desk.learn(id, answer.label);
        await this.drawPicture();
      }
      if (this.id === id) this.drawFacts();
    } catch (error) {
      if (this.id === id) {
        this.known = null;
        this.picture.say(error.message, "error");
      }
    }
    if (this.id !== id) return;
    this.settled = true;
    this.root.dataset.shown = id;
    this.rest = setTimeout(() => this.showNeighbours(id), REST);
    const next = this.view.cards[this.nextPosition()]?.card.id;
    if (next) this.fetch(next).catch(() => {}); // what is wrong with it is said when it is shown
    if (next) this.field.prepare(next);
  }

  // Draw the chosen field, the last one if another is chosen meanwhile, unless another image is.
  async drawPicture() {
    const { id, known, field: { chosen } } = this;
    const answer = await this.field.of(id, known);
    const bitmap = answer.native ? null : await createImageBitmap(new Blob([answer.buffers[0]], { type: "image/png" }));
    if (this.id === id && this.field.chosen === chosen) {
      const { reduced, frame, remark } = answer;
      const drawn = answer.native ? this.native.take(answer) : bitmap;
      const describe = answer.native ? (x, y) => this.native.describe(x, y) : null;
      this.picture.show(id, drawn, { reduced, describe, frame, remark, sky: known.sky });
    }
    bitmap?.close();
    if (this.id === id && this.field.chosen !== chosen) await this.drawPicture();
  }

  async fieldChanged() {
    const { id } = this;
    if (!this.known) return; // it is drawn when the image is there
    try {
      await this.drawPicture();
    } catch (error) {
      if (this.id === id) this.picture.say(error.message, "error");
    }
  }

  // The button that was pressed may be gone by now; keys go on working all the same.
  takeFocus() {
    const at = document.activeElement;
    if (at === document.body || (at === this.back && this.back.hidden)) this.root.parentElement?.focus({ preventScroll: true });
  }

  fetch(id) {
    if (!this.answers.has(id)) {
      const answer = this.desk.ask({ kind: "closeup", id });
      this.answers.set(id, answer);
      answer.catch(() => this.answers.delete(id));
      while (this.answers.size > ANSWERS_KEPT) this.answers.delete(this.answers.keys().next().value);
    }
    return this.answers.get(id);
  }

  async showNeighbours(id) {
    const answer = await this.desk.ask({ kind: "neighbours", id }).catch(() => null); // then there are none
    if (answer && this.id === id) await this.facts.showNeighbours(answer);
  }

  drawFacts() {
    const { label, width, height, facts } = this.known;
    const state = this.desk.state(this.id);
    const size = ["size", `${whole(width)} × ${whole(height)} px`];
    // The desk knows the labels of the page's images; those of others are known from the answer.
    const shown = this.desk.saved.has(this.id) ? state : { ...state, label: state.label ?? label };
    this.facts.show({ ...this.known, facts: [size, ...facts] }, shown);
  }

  drawScale() {
    const { source, scale, reduced } = this.picture;
    if (!this.scale) return;
    const times = scale >= 1 ? `${Number(scale.toFixed(1))}×` : `1/${Number((1 / scale).toFixed(1))}`;
    const parts = reduced > 1 ? `, from 1/${reduced} of its size` : "";
    this.scale.textContent = source ? times + parts : "";
  }

  // Where to go

  get position() {
    return this.view.cards.findIndex(({ card }) => card.id === this.id);
  }

  // Of the next image on the page without a label; -1 if there is none.
  nextPosition() {
    return this.view.cards.findIndex((card, position) => position > this.position && !card.label);
  }

  step(by) {
    this.trail = [];
    const { view } = this;
    if (this.position < 0) this.show(view.activeId); // from a neighbour back to the page
    else this.goTo(this.position + by);
  }

  goTo(position) {
    const { view } = this;
    if (this.waiting) return;
    view.move(position);
    this.waiting = view.turning;
    if (!this.waiting && view.activeId && view.activeId !== this.id) this.show(view.activeId);
  }

  pageTurned() {
    if (this.view.turning) return;
    if (this.waiting && this.view.activeId) this.show(this.view.activeId);
    this.waiting = false;
  }

  follow(id) {
    this.trail.push(this.id);
    const position = this.view.cards.findIndex(({ card }) => card.id === id);
    if (position >= 0) this.view.activate(position);
    this.show(id);
  }

  // Labels

  label(label) {
    // Nobody can have meant an image that is not shown yet.
    if (!this.settled || this.waiting) return;
    const { desk, id } = this;
    this.answers.delete(id);
    desk.touch();
    if (this.known) desk.learn(id, this.known.label); // a page that was turned has forgotten it
    desk.label([id], label);
    if (label === null || this.position < 0) return;
    this.trail = [];
    const next = this.nextPosition();
    this.goTo(next >= 0 ? next : this.view.cards.length);
  }

  undo() {
    this.undoing = true;
    this.desk.commit({ kind: "undo" });
  }

  labelsChanged() {
    const { view, id } = this;
    if (this.undoing && !this.waiting && view.activeId !== id && this.position >= 0) {
      this.show(view.activeId);
    } else if (this.known && this.settled) {
      this.drawFacts();
      const { label, progress } = this.desk.state(id);
      const saved = progress === "saved" && this.desk.saved.has(id);
      if (saved && label !== this.known.label) this.learn(id, label);
    }
  }

  // Who has labelled it is known anew when a label has been saved.
  async learn(id, label) {
    this.known.label = label;
    const answer = await this.desk.ask({ kind: "facts", id }).catch(() => null); // what is shown stays
    if (!answer || this.id !== id || !this.known) return;
    Object.assign(this.known, { facts: answer.facts, words: answer.words, history: answer.history });
    this.drawFacts();
  }
}

function zoomActions(zoom, desk) {
  const { picture } = zoom;
  const group = "Close-up";
  const labels = Object.entries(LABELS).map(([name, { key }]) => ({
    name, keys: [key.toUpperCase()], title: name, text: name, group, run: () => zoom.label(name),
  }));
  const pans = Object.entries({ ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] });
  return [
    ...labels,
    { name: "clear", keys: ["Backspace"], title: "take the label away", text: "clear", group, run: () => zoom.label(null) },
    { name: "undo", keys: ["Z"], title: "undo", text: "undo", group, run: () => zoom.undo() },
    { name: "redo", keys: ["Shift+Z"], title: "redo", group, run: () => zoom.desk.commit({ kind: "redo" }) },
    { name: "previous", keys: ["ArrowLeft", "ArrowUp"], title: "previous image", group, row: "previous, next image", repeats: true, run: () => zoom.step(-1) },
    { name: "next", keys: ["ArrowRight", "ArrowDown"], title: "next image", group, row: "previous, next image", repeats: true, run: () => zoom.step(1) },
    { name: "smaller", keys: ["-"], title: "smaller", group, row: "smaller, larger", repeats: true, run: () => picture.zoomTo(picture.scale / 2) },
    { name: "larger", keys: ["+", "="], title: "larger", group, row: "smaller, larger", repeats: true, run: () => picture.zoomTo(picture.scale * 2) },
    { name: "one to one", keys: ["1"], title: "one pixel of the image for one of the screen", text: "1:1", group, run: () => picture.zoomTo(1) },
    { name: "fit", keys: ["F"], title: "the whole image", text: "fit", group, run: () => picture.fit() },
    ...pans.map(([key, [right, down]]) => ({
      name: `pan ${key}`, keys: [`Shift+${key}`], title: "move the picture", group, row: "move the picture", repeats: true,
      run: () => picture.pan(right * PAN_STEP, down * PAN_STEP),
    })),
    ...(fieldsOf(desk).length ? fieldActionsFor(zoom.field, group) : []),
    ...(isNative(desk) ? nativeActionsFor(zoom.native, group) : []),
    ...lookActionsFor(() => zoom.id),
    { name: "close", keys: ["Space", "Escape"], title: "back to the gallery", text: "close", group, run: (view) => view.closeOverlay() },
  ];
}

// The keys that only the close-up has, for the list of keys.
export function closeupKeys(desk) {
  const shared = ["clear", "undo", "redo", "close", ...Object.keys(LABELS)];
  return zoomActions({}, desk).filter(({ name, group }) => group === "Close-up" && !shared.includes(name));
}

// Show an image of the pool, on the page or not, over the gallery.
export function openZoom(view, id) {
  const position = view.cards.findIndex(({ card }) => card.id === id);
  if (position >= 0) view.activate(position);
  const zoom = new Zoom(view);
  view.overlay(zoom.root, { label: "close-up", actions: zoom.actions, closed: () => zoom.close() });
  zoom.show(id);
}

// Lets a script open and close the close-up of a view.
export function addZoom(view) {
  view.listenTo("msg:custom", (message) => {
    if (message.kind === "open closeup") openZoom(view, message.id);
    else if (message.kind === "close closeup") view.closeOverlay();
  });
}
