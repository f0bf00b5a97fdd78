// A view (one per place where the gallery is shown) draws cards and listens to keys. For other modules:
//
//   desk, cards, active, activeId, columns   what is shown, and where the ring is
//   root, grid, toolbar                      nodes; controls are appended to the toolbar
//   actions                                  the table of what keys and buttons do
//   activate(position)                       put the ring on a card
//   move(position)                           the same, and turn the page beyond its ends
//   labelSelection(label)                    label the cards selected, else the active one
//   chosenIds()                              the images that are meant: those selected, else the active one
//   focus()                                  give the keys to the cards, or to the layer above them
//   turning                                  whether another page is on its way, so that no key means these cards
//   listenTo(event, callback)                hear the model's event until the view closes
//   overlay(node, {label, actions, closed})  a layer that has the keys while it is open; closeOverlay()
//   onPage(callback)                         called when a page is drawn, with the page
//   onLabels(callback)                       called when labels have changed
//   sheet                                    the contact sheet, an image; as a background it is the style --sheet

import { ActionTable } from "./actions.js";
import { Card } from "./card.js";
import { element, freshName, quietButton, update } from "../shared/elements.js";
import { Header } from "./header.js";
import { writtenKey } from "../shared/keys.js";
import { LABELS } from "../shared/labels.js";
import { Overlay } from "./overlay.js";
import { fitThumbnails } from "./paging.js";

const ABOVE = "[role='dialog'], .v-dialog__content, .v-menu__content, .v-overlay"; // what has the keys itself

export class View {
  constructor(desk, host, actions) {
    this.desk = desk;
    this.actions = new ActionTable(actions);
    this.name = freshName();
    this.cards = [];
    this.active = 0;
    this.ringed = null; // the card with the ring
    this.scrolling = 0; // the animation frame in which it is scrolled to,
    this.fromTop = false; // from the page's top
    this.anchor = null; // where the ring was when a range was begun
    this.columns = 0; // until the rows are made
    this.generation = 0;
    this.drawn = null; // the page that the cards show
    this.sheet = null;
    this.layer = null;
    this.listeners = { page: new Set(), labels: new Set() };
    this.endings = [];
    this.build(host, actions);
    desk.views.add(this);
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.keepFocus();
    this.observer = new ResizeObserver(() => this.arrange());
    this.observer.observe(this.grid);
    this.drawPage("first");
  }

  build(host, actions) {
    // JupyterLab leaves keys alone below an element with this attribute.
    this.root = element("div", "am-gallery", { "data-lm-suppress-shortcuts": "true" });
    this.header = new Header(this);
    this.toolbar = element("div", "am-toolbar", { role: "toolbar", "aria-label": "what is shown" });
    this.grid = element("div", "am-grid", { role: "grid", tabIndex: 0, "aria-multiselectable": "true" });
    this.empty = element("div", "am-empty", { tabIndex: -1 });
    this.bar = element("div", "am-bar", { role: "toolbar", "aria-label": "what to do" });
    this.selected = element("span", "am-selected", { role: "status" });
    this.bar.append(this.selected);
    for (const { name, bar } of actions) if (bar) this.bar.append(this.keyButton(name));
    this.root.append(this.header.root, this.toolbar, this.grid, this.empty, this.bar);
    host.append(this.root);
  }

  // A click where nothing takes the focus gives the keys back: anywhere but in a dialog in Voilà, whose page
  // this is, and within the gallery in JupyterLab.
  keepFocus() {
    const reach = "voila" in document.body.dataset ? document : this.root;
    const clicked = (event) => {
      if (document.activeElement === document.body && !event.target.closest(ABOVE)) this.focus();
    };
    reach.addEventListener("click", clicked);
    this.endings.push(() => reach.removeEventListener("click", clicked));
  }

  focus() {
    const node = this.layer?.root ?? (this.grid.hidden ? this.empty : this.grid);
    node.focus({ preventScroll: true });
  }

  close() {
    this.generation += 1; // what is still being decoded is not taken
    this.closeOverlay();
    cancelAnimationFrame(this.scrolling);
    this.observer.disconnect();
    for (const end of this.endings) end();
    forget(this.sheet);
    this.desk.views.delete(this);
  }

  // A button that carries out an action. A click leaves the focus on the grid, so that keys go on working.
  button(name, className) {
    const action = this.actions.byName.get(name);
    const properties = { title: this.actions.tip(name), "aria-label": action.title };
    return quietButton(className, properties, (event) => action.run(this, event, action));
  }

  // A button that shows its key: "▲ A anomaly".
  keyButton(name) {
    const { keys, word = name } = this.actions.byName.get(name);
    const button = this.button(name, `am-key-button${LABELS[name] ? ` am-${name}` : ""}`);
    const mark = LABELS[name] ? `${LABELS[name].mark} ` : "";
    button.append(element("kbd", "", { textContent: mark + writtenKey(keys[0]) }), ` ${word}`);
    return button;
  }

  get turning() {
    const { wanted, page } = this.desk;
    return Boolean(wanted) || this.drawn?.listing !== page.listing || this.drawn?.number !== page.number;
  }

  get activeId() {
    return this.cards[this.active]?.card.id ?? null;
  }

  onPage(callback) {
    return this.listen("page", callback);
  }

  onLabels(callback) {
    return this.listen("labels", callback);
  }

  listen(what, callback) {
    this.listeners[what].add(callback);
    return () => this.listeners[what].delete(callback);
  }

  listenTo(event, callback) {
    this.desk.model.on(event, callback);
    this.endings.push(() => this.desk.model.off(event, callback));
  }

  heed(what, detail) {
    if (what === "page") this.drawPage(detail);
    else if (what === "labels") this.drawLabels();
    else if (what === "activate") this.activate(detail);
    else if (what === "selection") this.drawSelection();
    else this.header.draw();
  }

  async drawPage(active) {
    const generation = ++this.generation;
    const page = this.desk.page;
    const jpeg = this.desk.model.get("sheet");
    const sheet = jpeg?.byteLength ? await decoded(jpeg) : null;
    if (generation !== this.generation) {
      forget(sheet);
      return;
    }
    forget(this.sheet);
    this.sheet = sheet;
    this.grid.style.setProperty("--sheet", sheet ? `url(${sheet.src})` : "none");
    this.grid.style.setProperty("--sheet-width", `calc(var(--thumbnail) * ${(page.columns * page.pitch) / page.cell})`);
    const cards = page.cards ?? [];
    const ringed = this.activeId;
    if (this.cards.length !== cards.length) this.columns = 0; // the rows are made anew
    while (this.cards.length < cards.length) this.cards.push(new Card(this, this.cards.length));
    if (this.cards.length > cards.length) this.cards.length = cards.length;
    cards.forEach((card, position) => this.cards[position].fill(card, position));
    for (const card of this.cards) card.place(page);
    this.drawn = page;
    fitThumbnails(this);
    this.drawLabels();
    this.drawSelection();
    this.header.draw();
    this.empty.textContent = cards.length ? "" : (page.empty ?? "");
    this.empty.hidden = cards.length > 0;
    this.grid.hidden = !cards.length;
    this.grid.setAttribute("aria-label", `${page.count ?? 0} images ${page.title ?? ""}`);
    this.fromTop ||= active !== "stay";
    const kept = cards.findIndex(({ id }) => id === ringed);
    const stayed = kept >= 0 ? kept : Math.min(this.active, cards.length - 1);
    this.activate(active === "last" ? cards.length - 1 : active === "stay" ? stayed : 0);
    // Keys work at once where nothing else has the focus (Voilà), without stealing it (JupyterLab).
    if ([document.body, this.grid, this.empty].includes(document.activeElement)) this.focus();
    this.root.dataset.page = page.serial ?? "";
    for (const callback of this.listeners.page) callback(page);
  }

  // Rows exist for screen readers; they have no box of their own.
  arrange() {
    const width = this.grid.clientWidth;
    if (!width || !this.cards.length) return;
    // A card has a width only once it is in the page.
    if (!this.cards[0].root.isConnected) this.grid.replaceChildren(this.cards[0].root);
    const style = getComputedStyle(this.grid);
    const gap = parseFloat(style.columnGap) || 0;
    const card = this.cards[0].root.offsetWidth;
    const inner = width - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const columns = Math.max(1, Math.floor((inner + gap) / (card + gap)));
    if (columns === this.columns) return;
    this.columns = columns;
    this.grid.style.setProperty("--columns", columns);
    const rows = [];
    this.cards.forEach(({ root }, position) => {
      if (position % columns === 0) rows.push(element("div", "am-row", { role: "row" }));
      rows.at(-1).append(root);
    });
    this.grid.replaceChildren(...rows);
  }

  drawLabels() {
    for (const card of this.cards) card.show(this.desk.state(card.card.id));
    for (const callback of this.listeners.labels) callback();
  }

  drawSelection() {
    const { selection } = this.desk;
    for (const card of this.cards) card.select(selection.has(card.card.id));
    update(this.selected, { textContent: selection.size ? `${selection.size} selected` : "" });
  }

  activate(position) {
    const card = this.cards[position];
    this.ringed?.root.classList.remove("am-active");
    this.ringed = card;
    this.active = Math.max(0, position);
    this.anchor = null;
    if (!card) {
      this.grid.removeAttribute("aria-activedescendant");
      return;
    }
    card.root.classList.add("am-active");
    this.grid.setAttribute("aria-activedescendant", card.root.id);
    // In the frame to come, or else the browser lays the page out twice for a key.
    this.scrolling ||= requestAnimationFrame(() => {
      this.scrolling = 0;
      if (this.fromTop) this.grid.scrollTop = 0;
      this.fromTop = false;
      this.ringed?.root.scrollIntoView({ block: "nearest" });
    });
  }

  labelCard(position, label) {
    if (this.turning || !this.cards[position]) return;
    this.desk.touch();
    this.desk.label([this.cards[position].card.id], label);
  }

  // The images of this page that are selected, else the one with the ring; none while another page is on its way.
  chosenIds() {
    if (this.turning || !this.cards.length) return [];
    const chosen = this.cards.map(({ card }) => card.id).filter((id) => this.desk.selection.has(id));
    return chosen.length ? chosen : [this.activeId];
  }

  labelSelection(label) {
    const { desk } = this;
    if (this.turning || !this.cards.length) return;
    const chosen = this.cards.flatMap(({ card }, position) => (desk.selection.has(card.id) ? [position] : []));
    if (!chosen.length) this.labelCard(this.active, label);
    else {
      desk.touch();
      desk.label(chosen.map((position) => this.cards[position].card.id), label);
    }
    if (label === null) return;
    desk.selection.set([]);
    this.goOn(chosen.at(-1) ?? this.active);
  }

  // To the next card without a label; beyond the last, or else the next key would label the same image again.
  goOn(from) {
    const next = this.cards.findIndex((card, position) => position > from && !card.label);
    if (next > 0) this.activate(next);
    else this.turn(1);
  }

  // What cannot be read cannot be judged, so it is left out.
  labelRest(label) {
    if (this.turning) return;
    const rest = this.cards.filter((card) => card.card.readable && !card.label);
    this.desk.touch();
    if (rest.length) this.desk.label(rest.map(({ card }) => card.id), label);
    else this.desk.say("Every image of this page has a label.");
  }

  // To a card; beyond the ends of the page to the page beside it. The selection is dropped unless it is kept.
  move(position, { keep = false } = {}) {
    this.desk.touch();
    if (!keep) this.desk.selection.set([]);
    if (position < 0 && this.desk.page.number > 0) this.turn(-1, "last");
    else if (position >= this.cards.length && this.desk.page.number + 1 < this.desk.page.pages) this.turn(1);
    else if (this.cards.length) this.activate(Math.min(Math.max(position, 0), this.cards.length - 1));
  }

  turn(step, active = "first") {
    this.desk.touch();
    const number = (this.desk.wanted?.number ?? this.desk.page.number) + step;
    if (number >= 0 && number < this.desk.page.pages) this.desk.turnTo(number, active);
  }

  apply() {
    this.desk.send({ kind: "apply" });
    this.focus();
  }

  overlay(node, options) {
    this.closeOverlay();
    this.layer = new Overlay(this, node, options);
  }

  closeOverlay() {
    const layer = this.layer;
    if (!layer) return;
    this.layer = null;
    layer.close();
    if (this.root.isConnected) this.focus();
  }

  setBackgroundInert(inert) {
    for (const node of this.root.children) if (!node.matches(".am-overlay")) node.inert = inert;
  }

  key(event) {
    if (event.target.closest("input, textarea, select, [contenteditable='true']")) {
      event.stopPropagation();
      if (event.key === "Escape") this.focus();
      return;
    }
    if (event.key === "Tab" || (event.target.closest("button") && ["Enter", " "].includes(event.key))) {
      event.stopPropagation();
      return;
    }
    // A combination that is not ours stays the browser's and JupyterLab's (Ctrl+S); a plain key does not.
    if (this.actions.press(event, this) || !(event.ctrlKey || event.metaKey || event.altKey)) event.stopPropagation();
  }
}

// The sheet as an image that is ready to be painted, so that no card is black for a moment.
async function decoded(jpeg) {
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([jpeg], { type: "image/jpeg" }));
  try {
    await image.decode();
  } catch (error) {
    forget(image);
    console.warn("anomalymatch: a sheet cannot be shown,", error.message);
    return null;
  }
  return image;
}

function forget(image) {
  if (image) URL.revokeObjectURL(image.src);
}
