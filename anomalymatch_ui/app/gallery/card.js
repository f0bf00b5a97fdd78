// One card: a cell of the sheet, the score, the label, two buttons.

import { element, update } from "../shared/elements.js";
import { LABELS } from "../shared/labels.js";
import { pickCard } from "./picking.js";
import { placeOf } from "../looking/sheetpainter.js";
import { openZoom } from "../closeup/zoom.js";

// Why a card stands where its score alone would not put it.
const WHY = {
  drawn: {
    word: "drawn",
    title: "Drawn at random, whatever its score, as some of the images are. How many of these are anomalies tells "
      + "how many have not been found yet.",
  },
  duplicate: {
    word: "alike",
    title: "Nearly the same as an image further up, so it comes later than its score would put it.",
  },
  unlike: {
    word: "unlike",
    title: "Unusual, and unlike any labelled image. Few anomalies are expected among the likely images now, so every "
      + "second card is one like this: it may show a kind that nobody has labelled yet.",
  },
};

const OTHERS = "More images lie at the same place on the sky, such as other cutouts or epochs of one source. Click, or press D, to see them.";

export class Card {
  constructor(view, position) {
    this.root = element("div", "am-card", { role: "gridcell", id: `${view.name}-${position}` });
    this.picture = element("div", "am-picture");
    // The sheet is the background of all images. With a hundred canvases half of every frame went to them,
    // whatever was painted anew, so one lies above only where a look changes the pixels.
    this.image = element("div", "am-image");
    this.canvas = element("canvas", "am-canvas", { "aria-hidden": "true", hidden: true });
    this.image.append(this.canvas);
    this.mark = element("b", "am-badge-mark");
    this.word = element("span", "am-badge-word");
    this.badge = element("span", "am-badge", { "aria-hidden": "true" });
    this.badge.append(this.mark, this.word);
    this.unreadable = element("span", "am-unreadable", { textContent: "cannot be read" });
    this.marks = element("span", "am-marks", { "aria-hidden": "true" });
    this.others = element("button", "am-others", { type: "button", tabIndex: -1, title: OTHERS });
    this.others.addEventListener("click", () => view.desk.command("same place", { id: this.card.id }));
    this.picture.append(this.image, this.badge, this.others, this.marks, this.unreadable);
    this.score = element("span", "am-score");
    this.progress = element("span", "am-progress");
    const caption = element("div", "am-caption");
    this.why = element("span", "am-why");
    caption.append(this.score, this.why, this.progress);
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
    this.picture.addEventListener("dblclick", (event) => {
      const plain = !(event.shiftKey || event.ctrlKey || event.metaKey || event.altKey);
      if (plain && this.card) openZoom(view, this.card.id);
    });
    this.root.addEventListener("mousedown", (event) => {
      event.preventDefault();
      pickCard(view, position, event);
      view.focus();
    });
  }

  fill(card, position) {
    this.card = card;
    this.position = position;
    this.described = null;
    // The folder may tell the class; the file's own name is shown, the whole id on hovering.
    update(this.name, { textContent: card.id.split("/").at(-1), title: card.id });
    update(this.score, { textContent: card.caption ?? card.said ?? "–", title: card.caption ? "" : card.meaning });
    const { word, title } = WHY[card.why] ?? { word: "", title: "" };
    update(this.why, { textContent: word, title });
    update(this.others, { hidden: !card.others });
    if (card.others) this.others.replaceChildren(`+${card.others}`, element("span", "am-others-words", { textContent: " at the same place" }));
    this.root.classList.toggle("am-is-unreadable", !card.readable);
    for (const [button, label] of [[0, "anomaly"], [1, "nominal"]]) {
      this.buttons.children[button].setAttribute("aria-label", `${label}: ${card.id}`);
    }
  }

  select(selected) {
    const value = String(selected);
    if (this.root.getAttribute("aria-selected") !== value) this.root.setAttribute("aria-selected", value);
  }

  // Show the picture as it is on the sheet.
  place(page) {
    const { x, y, width } = placeOf(page, this.position);
    const shift = (pixels) => `calc(var(--thumbnail) * ${-pixels / width})`;
    this.image.style.backgroundPosition = `${shift(x)} ${shift(y)}`;
    update(this.canvas, { hidden: true });
  }

  // Show it through a look.
  paint(sheet, look) {
    const { cell } = sheet.layout;
    // To set the size, even to what it is, allocates anew; two hundred times that is felt.
    if (this.canvas.width !== cell) this.canvas.width = this.canvas.height = cell;
    sheet.paint(this.position, look, this.canvas);
    this.canvas.hidden = false;
  }

  show({ label, progress, tags, note, favourite, interest }) {
    const stars = (favourite ? "★" : "") + (interest ?? "");
    const marks = [stars, ...tags, note].join("\n");
    const same = this.label === label && this.progressShown === progress && this.marksShown === marks;
    if (same && this.described === this.card.id) return;
    this.label = label;
    this.marksShown = marks;
    this.marks.replaceChildren(...tags.map((tag) => element("span", "am-tag", { textContent: tag })));
    const title = [favourite ? "a favourite" : "", interest === null ? "" : `interest ${interest} of 5`].filter(Boolean).join(", ");
    if (stars) this.marks.prepend(element("span", "am-tag am-stars", { textContent: stars, title }));
    if (note) this.marks.append(element("span", "am-tag", { textContent: "✎", title: note }));
    this.progressShown = progress;
    this.described = this.card.id;
    if (label) this.root.dataset.label = label;
    else delete this.root.dataset.label;
    this.root.dataset.saved = progress;
    update(this.mark, { textContent: label ? LABELS[label].mark : "" });
    update(this.word, { textContent: label ? ` ${label}` : "" });
    update(this.progress, { textContent: progress === "late" ? "not saved" : "" });
    const parts = [this.card.id, label ?? "not labelled"];
    if (this.card.said) parts.push(this.card.said);
    if (this.why.textContent) parts.push(this.why.textContent);
    if (this.card.others) parts.push(`${this.card.others} more at the same place`);
    if (title) parts.push(title);
    if (tags.length) parts.push(`tags: ${tags.join(", ")}`);
    if (note) parts.push(`note: ${note}`);
    if (!this.card.readable) parts.push("cannot be read");
    if (progress === "late") parts.push("not saved");
    this.root.setAttribute("aria-label", parts.join(", "));
  }
}
