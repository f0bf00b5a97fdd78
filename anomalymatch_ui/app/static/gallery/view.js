// A view (one per place where the gallery is shown) draws cards and listens to keys.

import { Card } from "./card.js";
import { element } from "./elements.js";
import { KEYS, LABEL_OF_KEY } from "./keys.js";
import { LABELS } from "./labels.js";

export class View {
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
