// The gallery: one page of cards, drawn from one contact sheet.
//
// A desk (one per model) knows the labels: what the disk has, and what is still on its way there.
// A view (one per place where the gallery is shown) draws cards and listens to keys.

const LABELS = {
  anomaly: { mark: "▲", key: "a" },
  nominal: { mark: "●", key: "n" },
  unsure: { mark: "◆", key: "u" },
};
const LABEL_OF_KEY = Object.fromEntries(Object.entries(LABELS).map(([name, { key }]) => [key, name]));
const KEYS = [
  ["A", "anomaly"], ["N", "nominal"], ["U", "unsure"], ["Backspace", "clear"], ["Z", "undo"],
  ["Shift+Z", "redo"], ["← ↑ ↓ →", "move"], ["PgUp PgDn", "turn page"], ["R", "new ranking"],
];
const PATIENCE = 2000; // ms without an answer after which a label counts as not saved and is sent again
const PAGE_PATIENCE = 3000; // ms; a server's rate limit may drop a page, so it is asked for again

function element(tag, className, properties = {}) {
  const node = document.createElement(tag);
  node.className = className;
  for (const [name, value] of Object.entries(properties)) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  return node;
}

// Labels on their way to the disk. What a card shows is what the disk has, overlaid with what waits.
class Desk {
  constructor(model) {
    this.model = model;
    this.frontend = Math.random().toString(36).slice(2) + Date.now().toString(36);
    this.request = 0;
    this.saved = new Map(); // image id -> label on disk
    this.pending = new Map(); // request -> {message, sent, late}
    this.wanted = null; // the page asked for: {number, active, sent}
    this.stamp = "";
    this.sentence = "";
    this.tone = "info";
    this.touched = false;
    this.moves = 0; // what the person has done, counted, so that a late answer does not take the frame back
    this.views = new Set();
    this.connection = model.widget_manager?.kernel ?? null;
    this.readPage();
    model.on("change:page", () => this.readPage());
    model.on("change:offer", () => this.tell("header"));
    model.on("msg:custom", (message) => this.receive(message));
    this.timer = setInterval(() => this.sendAgain(), 250);
    this.guard = (event) => { if (this.pending.size) event.preventDefault(); };
    window.addEventListener("beforeunload", this.guard);
    this.send({ kind: "hello", pixel_ratio: window.devicePixelRatio || 1 });
  }

  close() {
    clearInterval(this.timer);
    window.removeEventListener("beforeunload", this.guard);
  }

  tell(what, detail) {
    for (const view of this.views) view.heed(what, detail);
  }

  say(sentence, tone = "info") {
    this.sentence = sentence;
    this.tone = tone;
    this.tell("header");
  }

  readPage() {
    const former = this.page;
    this.page = this.model.get("page");
    this.saved = new Map((this.page.cards ?? []).map((card) => [card.id, card.label]));
    const same = former?.listing === this.page.listing && former?.number === this.page.number;
    this.tell("page", this.wanted?.active ?? (same ? "stay" : "first"));
    this.wanted = null;
  }

  // The label shown on a card, and how far it is: "saved", "sending" or "late".
  state(id) {
    let label = this.saved.get(id) ?? null;
    let progress = "saved";
    for (const { message, late } of this.pending.values()) {
      if (message.kind !== "label" || !message.ids.includes(id)) continue;
      label = message.label;
      progress = late ? "late" : "sending";
    }
    return { label, progress };
  }

  label(ids, label) {
    const changed = ids.filter((id) => this.state(id).label !== label);
    if (changed.length) this.ask({ kind: "label", ids: changed, label });
    this.tell("labels");
  }

  ask(message) {
    const request = ++this.request;
    const sent = { ...message, request, frontend: this.frontend };
    const entry = { message: sent, sent: performance.now(), late: false, moves: this.moves };
    this.pending.set(request, entry);
    this.sentence = "";
    this.send(entry.message);
  }

  turnTo(number, active = "first") {
    this.wanted = { number, active, sent: performance.now() };
    this.send({ kind: "page", number });
  }

  touch() {
    this.moves += 1;
    if (this.touched) return;
    this.touched = true;
    this.send({ kind: "touched" });
  }

  send(message) {
    try {
      this.model.send(message);
    } catch (error) {
      // A closed connection throws; what matters waits in `pending` and is sent again.
      console.warn("anomalymatch: not sent,", error.message);
    }
  }

  sendAgain() {
    const now = performance.now();
    let changed = false;
    for (const entry of this.pending.values()) {
      if (now - entry.sent < PATIENCE) continue;
      entry.late = changed = true;
      entry.sent = now;
      this.send(entry.message);
    }
    if (this.wanted && now - this.wanted.sent > PAGE_PATIENCE) this.turnTo(this.wanted.number, this.wanted.active);
    if (changed) this.tell("labels");
    const connection = this.connection?.connectionStatus;
    if (changed || connection !== this.lastConnection) {
      this.lastConnection = connection;
      this.tell("header");
    }
  }

  receive(message) {
    if (message.kind === "labels") {
      for (const [id, label] of Object.entries(message.labels)) this.saved.set(id, label);
      this.tell("labels");
    } else if (message.kind === "say") {
      this.say(message.sentence, message.tone);
    } else if (message.frontend === this.frontend && this.pending.has(message.request)) {
      const { message: asked, moves } = this.pending.get(message.request);
      this.pending.delete(message.request);
      if (message.kind === "saved") {
        if (asked.kind === "label") for (const id of asked.ids) this.saved.set(id, asked.label);
        else this.showStep(asked.kind, message.labels, moves);
        this.stamp = new Date(message.time).toLocaleTimeString([], { hour12: false });
      } else {
        this.say(message.sentence, "error");
      }
      this.tell("labels");
      this.tell("header");
    }
  }

  // Show what an undo or a redo has changed: on this page the frame goes there, unless the person has
  // gone on meanwhile; elsewhere it is said.
  showStep(kind, labels, moves) {
    const ids = Object.keys(labels);
    const position = (this.page.cards ?? []).findIndex((card) => ids.includes(card.id));
    if (position >= 0) {
      if (moves === this.moves) this.tell("activate", position);
      return;
    }
    const [id] = ids;
    const more = ids.length > 1 ? ` and ${ids.length - 1} more` : "";
    this.say(`${kind}: ${id.split("/").at(-1)}${more}, now ${labels[id] ?? "without a label"}`);
  }

  // What the top line says about the disk: [text, kind].
  get safety() {
    const late = [...this.pending.values()].filter((entry) => entry.late).length;
    const waiting = `${late} ${late === 1 ? "label is" : "labels are"} kept here and sent again`;
    const status = this.connection?.connectionStatus;
    if (status && status !== "connected") {
      return [`Connection lost${late ? `: ${waiting}` : ""}`, "error"];
    }
    if (late) return [`Not saved: no answer; ${waiting}`, "error"];
    return this.stamp ? [`saved ${this.stamp}`, "saved"] : ["", "saved"];
  }
}

// One card: a cell of the sheet, the score, the label, two buttons.
class Card {
  constructor(view, position) {
    this.root = element("div", "am-card", { role: "gridcell", id: `${view.name}-${position}` });
    this.picture = element("div", "am-picture");
    this.canvas = element("canvas", "am-canvas", { "aria-hidden": "true" });
    this.badge = element("span", "am-badge", { "aria-hidden": "true" });
    this.unreadable = element("span", "am-unreadable", { textContent: "cannot be read" });
    this.picture.append(this.canvas, this.badge, this.unreadable);
    this.score = element("span", "am-score");
    this.progress = element("span", "am-progress");
    const caption = element("div", "am-caption");
    caption.append(this.score, this.progress);
    this.name = element("div", "am-name");
    this.buttons = element("div", "am-buttons");
    for (const label of ["anomaly", "nominal"]) {
      const button = element("button", `am-label am-${label}`, { type: "button", tabIndex: -1, title: label });
      button.append(element("span", "", { textContent: LABELS[label].mark }),
        element("kbd", "", { textContent: LABELS[label].key.toUpperCase() }));
      button.addEventListener("click", () => view.labelCard(position, label));
      this.buttons.append(button);
    }
    this.root.append(this.picture, caption, this.name, this.buttons);
    // The focus stays on the grid: cards and their buttons only take clicks.
    this.root.addEventListener("mousedown", (event) => {
      event.preventDefault();
      view.move(position);
      view.grid.focus({ preventScroll: true });
    });
  }

  fill(card, page, bitmap, position) {
    this.card = card;
    // The folder may tell the class; the file's own name is shown, the whole id on hovering.
    this.name.textContent = card.id.split("/").at(-1);
    this.name.title = card.id;
    const score = card.score === null ? "–" : card.score.toFixed(3);
    this.score.textContent = card.drawn ? `${score} · drawn` : score;
    this.score.title = card.drawn ? "drawn at random: such images tell how many anomalies are still unfound" : "";
    this.root.classList.toggle("am-is-unreadable", !card.readable);
    this.canvas.width = this.canvas.height = page.cell;
    if (card.readable && bitmap) {
      const x = (position % page.columns) * page.pitch;
      const y = Math.floor(position / page.columns) * page.pitch;
      this.canvas.getContext("2d").drawImage(bitmap, x, y, page.cell, page.cell, 0, 0, page.cell, page.cell);
    }
    for (const [button, label] of [[0, "anomaly"], [1, "nominal"]]) {
      this.buttons.children[button].setAttribute("aria-label", `${label}: ${card.id}`);
    }
  }

  show({ label, progress }) {
    if (this.label === label && this.progressShown === progress && this.described === this.card.id) return;
    this.label = label;
    this.progressShown = progress;
    this.described = this.card.id;
    if (label) this.root.dataset.label = label;
    else delete this.root.dataset.label;
    this.root.dataset.saved = progress;
    this.badge.textContent = label ? `${LABELS[label].mark} ${label}` : "";
    this.progress.textContent = progress === "late" ? "not saved" : "";
    const parts = [this.card.id, label ?? "not labelled"];
    if (this.card.score !== null) parts.push(`score ${this.card.score.toFixed(3)}`);
    if (!this.card.readable) parts.push("cannot be read");
    if (progress === "late") parts.push("not saved");
    this.root.setAttribute("aria-label", parts.join(", "));
  }
}

class View {
  constructor(desk, host) {
    this.desk = desk;
    this.name = `am-${Math.random().toString(36).slice(2)}`;
    this.cards = [];
    this.active = 0;
    this.columns = 0;
    this.generation = 0;
    this.build(host);
    desk.views.add(this);
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.observer = new ResizeObserver(() => this.arrange());
    this.observer.observe(this.grid);
    this.drawPage("first");
  }

  build(host) {
    // JupyterLab leaves keys alone below an element with this attribute.
    this.root = element("div", "am-gallery", { "data-lm-suppress-shortcuts": "true" });
    this.range = element("span", "am-range");
    this.previous = element("button", "am-turn", { type: "button", textContent: "‹", "aria-label": "previous page" });
    this.next = element("button", "am-turn", { type: "button", textContent: "›", "aria-label": "next page" });
    this.pageText = element("span", "am-page");
    this.offer = element("button", "am-offer", { type: "button" });
    this.sentence = element("span", "am-sentence", { role: "status" });
    this.safety = element("span", "am-safety", { role: "status" });
    const header = element("div", "am-header");
    header.append(this.range, this.offer, this.sentence, this.safety, this.previous, this.pageText, this.next);
    this.grid = element("div", "am-grid", { role: "grid", tabIndex: 0, "aria-label": "images, best first" });
    this.empty = element("div", "am-empty");
    const legend = element("div", "am-legend");
    for (const [key, meaning] of KEYS) {
      const item = element("span", "");
      const mark = LABELS[meaning]?.mark;
      item.append(element("kbd", mark ? `am-${meaning}` : "", { textContent: mark ? `${mark} ${key}` : key }), ` ${meaning}`);
      legend.append(item);
    }
    this.previous.addEventListener("click", () => this.turn(-1));
    this.next.addEventListener("click", () => this.turn(1));
    this.offer.addEventListener("click", () => this.apply());
    this.root.append(header, this.grid, this.empty, legend);
    host.append(this.root);
  }

  close() {
    this.observer.disconnect();
    this.bitmap?.close();
    this.desk.views.delete(this);
  }

  heed(what, detail) {
    if (what === "page") this.drawPage(detail);
    else if (what === "labels") this.drawLabels();
    else if (what === "activate") this.activate(detail);
    else this.drawHeader();
  }

  async drawPage(active) {
    const generation = ++this.generation;
    const page = this.desk.page;
    const sheet = this.desk.model.get("sheet");
    let bitmap = null;
    if (sheet?.byteLength) bitmap = await createImageBitmap(new Blob([sheet], { type: "image/jpeg" }));
    if (generation !== this.generation) {
      bitmap?.close();
      return;
    }
    this.bitmap?.close();
    this.bitmap = bitmap;
    const cards = page.cards ?? [];
    while (this.cards.length < cards.length) this.cards.push(new Card(this, this.cards.length));
    if (this.cards.length > cards.length) this.cards.length = cards.length;
    this.root.style.setProperty("--thumbnail", `${page.thumbnail ?? 128}px`);
    this.root.classList.toggle("am-magnified", page.thumbnail > page.cell);
    cards.forEach((card, position) => this.cards[position].fill(card, page, bitmap, position));
    this.columns = 0; // the cards are others, so the rows are made anew
    this.arrange();
    this.drawLabels();
    this.drawHeader();
    this.empty.textContent = cards.length ? "" : (page.empty ?? "");
    this.empty.hidden = cards.length > 0;
    this.grid.scrollTop = 0;
    this.activate(active === "last" ? cards.length - 1 : active === "stay" ? this.active : 0);
    // Keys work at once where nothing else has the focus (Voilà), without stealing it (JupyterLab).
    if (document.activeElement === document.body) this.grid.focus({ preventScroll: true });
    this.root.dataset.page = page.serial ?? "";
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
  }

  drawHeader() {
    const { page, model } = this.desk;
    const number = (value) => value.toLocaleString("en");
    const last = page.first + (page.cards?.length ?? 0) - 1;
    this.range.textContent = page.cards?.length
      ? `${number(page.first)}–${number(last)} of ${number(page.count)} unlabelled, by ${page.source}` : "";
    this.pageText.textContent = page.pages ? `page ${number(page.number + 1)} of ${number(page.pages)}` : "";
    this.previous.disabled = !(page.number > 0);
    this.next.disabled = !(page.number + 1 < page.pages);
    const { text = "" } = model.get("offer");
    this.offer.textContent = text;
    this.offer.hidden = !text;
    this.sentence.textContent = this.sentence.title = this.desk.sentence;
    this.sentence.dataset.tone = this.desk.tone;
    const [safety, tone] = this.desk.safety;
    this.safety.textContent = this.safety.title = safety;
    this.safety.dataset.tone = tone;
  }

  activate(position) {
    const card = this.cards[position];
    this.cards[this.active]?.root.removeAttribute("aria-selected");
    this.active = Math.max(0, position);
    for (const { root } of this.cards) root.classList.remove("am-active");
    if (!card) {
      this.grid.removeAttribute("aria-activedescendant");
      return;
    }
    card.root.classList.add("am-active");
    card.root.setAttribute("aria-selected", "true");
    this.grid.setAttribute("aria-activedescendant", card.root.id);
    card.root.scrollIntoView({ block: "nearest" });
  }

  labelCard(position, label) {
    // While a page is on its way nobody can have meant the old one.
    if (this.desk.wanted || !this.cards[position]) return;
    this.desk.touch();
    this.desk.label([this.cards[position].card.id], label);
  }

  labelActive(label) {
    this.labelCard(this.active, label);
    if (label === null) return;
    const next = this.cards.findIndex((card, position) => position > this.active && !card.label);
    if (next > 0) this.activate(next);
    else this.turn(1); // or else the next key would label the same image again
  }

  move(position) {
    this.desk.touch();
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
    this.grid.focus({ preventScroll: true });
  }

  key(event) {
    const inField = event.target.closest("input, textarea, select, [contenteditable='true']");
    if (inField || event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation();
    if (event.key === "Tab" || (event.target.closest("button") && ["Enter", " "].includes(event.key))) return;
    const action = this.action(event.key.length === 1 ? event.key.toLowerCase() : event.key, event.shiftKey);
    if (!action) return;
    event.preventDefault();
    // A key held down moves on, but labels one image only.
    if (!event.repeat || event.key.startsWith("Arrow") || event.key.startsWith("Page")) action();
  }

  action(key, shift) {
    if (key === "z") return () => this.desk.ask({ kind: shift ? "redo" : "undo" });
    if (shift) return null;
    if (key in LABEL_OF_KEY) return () => this.labelActive(LABEL_OF_KEY[key]);
    const actions = {
      Backspace: () => this.labelActive(null),
      Delete: () => this.labelActive(null),
      ArrowLeft: () => this.move(this.active - 1),
      ArrowRight: () => this.move(this.active + 1),
      ArrowUp: () => this.move(this.active - this.columns),
      ArrowDown: () => this.move(this.active + this.columns),
      Home: () => this.move(0),
      End: () => this.move(this.cards.length - 1),
      PageUp: () => this.turn(-1),
      PageDown: () => this.turn(1),
      Enter: () => this.apply(),
      r: () => this.apply(),
    };
    return actions[key] ?? null;
  }
}

export default () => {
  let desk = null;
  return {
    initialize({ model }) {
      desk = new Desk(model);
      return () => desk.close();
    },
    render({ el }) {
      const view = new View(desk, el);
      return () => view.close();
    },
  };
};
