// The controls of a look, in a small panel that opens below a button.

import { element } from "../shared/elements.js";
import { COLOUR_MAPS, LIMITS, STRETCHES, isOriginal } from "./stretch.js";

// What a look does, in a few words: what the chip says.
export function lookInWords(look) {
  const words = [];
  if (look.stretch !== "linear") words.push(look.stretch);
  if (look.limits !== "full") words.push(LIMITS[look.limits]);
  if (look.colour_map !== "none") words.push(look.colour_map);
  if (look.bands !== "RGB") words.push(look.bands.split("").join("+"));
  if (look.brightness !== 0.5 || look.contrast !== 1) words.push("contrast");
  if (look.invert) words.push("inverted");
  return words.join(", ");
}

export class LookControls {
  // `shown` gives the image whose look they show, and act on where it has one of its own; `left` is called
  // when the panel has closed. `native` are the rows for native values, which stand in the place of those for the
  // 8 bits of pictures; null where there are such values and no rows for them.
  constructor(looks, shown, left, native = null) {
    this.looks = looks;
    this.native = native;
    this.shown = shown;
    this.left = left;
    this.root = element("div", "am-look");
    this.button = element("button", "am-look-open", {
      type: "button", "aria-expanded": "false", title: "stretch, contrast, bands and colour map",
    });
    this.button.append("Look ", element("span", "", { textContent: "▾", "aria-hidden": "true" }));
    this.chip = element("button", "am-look-chip", { type: "button", title: "back to the original look (0)" });
    this.panel = element("div", "am-look-panel", { role: "group", "aria-label": "look", hidden: true });
    this.panel.append(...this.rows());
    this.root.append(this.button, this.chip, this.panel);
    if (native) {
      this.panel.classList.add("am-native");
      this.root.insertBefore(native.chip, this.panel);
    }
    this.button.addEventListener("click", () => this.open(this.panel.hidden));
    this.chip.addEventListener("click", () => {
      looks.reset();
      left();
    });
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.away = (event) => { if (!this.root.contains(event.target)) this.open(false); };
    this.listener = () => this.refresh();
    looks.listeners.add(this.listener);
    this.refresh();
  }

  get target() {
    return this.looks.target(this.shown());
  }

  close() {
    document.removeEventListener("pointerdown", this.away, true);
    this.looks.listeners.delete(this.listener);
    this.native?.close();
  }

  open(open) {
    this.panel.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
    if (open) document.addEventListener("pointerdown", this.away, true);
    else document.removeEventListener("pointerdown", this.away, true);
    if (open) this.panel.querySelector("select, input").focus();
  }

  key(event) {
    if (event.key !== "Escape" || this.panel.hidden) return;
    event.stopPropagation();
    event.preventDefault();
    this.open(false);
    this.left();
  }

  rows() {
    const names = Object.keys(STRETCHES);
    this.stretch = this.choice("stretch", names.map((name) => [name, name]));
    this.limits = this.choice("limits", Object.entries(LIMITS));
    this.map = this.choice("colour_map", COLOUR_MAPS.map((name) => [name, name]));
    this.brightness = this.slider(0, 1, 0.01, (value) => ({ brightness: value }));
    this.contrast = this.slider(-1, 1, 0.02, (value) => ({ contrast: 10 ** value }));
    this.invert = this.box(() => ({ invert: this.invert.checked }));
    this.bands = ["R", "G", "B"].map((band) => [band, this.box(() => this.bandsChange(band))]);
    this.only = element("input", "", { type: "checkbox" });
    this.only.addEventListener("change", () => {
      this.looks.onlyOne = this.only.checked;
      this.looks.tell();
    });
    const bands = element("span", "am-look-bands");
    for (const [band, box] of this.bands) bands.append(this.labelled(band, box));
    const reset = element("button", "am-look-reset", { type: "button" });
    reset.append("Original ", element("kbd", "", { textContent: "0" }));
    reset.addEventListener("click", () => this.looks.reset(this.target));
    const ofPictures = !this.looks.native;
    return [
      ...(ofPictures ? [this.row("Stretch", this.stretch), this.row("Limits", this.limits)] : this.native?.rows ?? []),
      this.row("Brightness", this.brightness, "[ ]"), this.row("Contrast", this.contrast, "{ }"),
      this.row("Colour map", this.map), ...(ofPictures ? [this.group("Bands", bands)] : []),
      this.row("Invert", this.invert, "I"), this.row("Only this image", this.only), reset,
      ...(this.native?.footer ?? []),
    ];
  }

  refresh() {
    const look = this.looks.of(this.shown());
    this.stretch.value = look.stretch;
    this.limits.value = look.limits;
    this.map.value = look.colour_map;
    this.brightness.value = look.brightness;
    this.contrast.value = Math.log10(look.contrast);
    this.invert.checked = look.invert;
    for (const [band, box] of this.bands) box.checked = look.bands.includes(band);
    this.only.checked = this.looks.onlyOne;
    const { own, page, original } = this.looks;
    const alone = own.size === 1 ? "one image of its own" : `${own.size} images of their own`;
    this.chip.textContent = `${[isOriginal(page) ? "" : lookInWords(page), own.size ? alone : ""].filter(Boolean).join("; ")} ×`;
    this.chip.hidden = original;
    this.native?.refresh();
  }

  // One band at least stays on.
  bandsChange(band) {
    const bands = this.bands.filter(([, box]) => box.checked).map(([name]) => name).join("");
    return { bands: bands || band };
  }

  choice(name, options) {
    const select = element("select", "");
    for (const [value, textContent] of options) select.append(element("option", "", { value, textContent }));
    select.addEventListener("change", () => this.looks.change({ [name]: select.value }, this.target));
    return select;
  }

  slider(min, max, step, changes) {
    const slider = element("input", "", { type: "range", min, max, step });
    slider.addEventListener("input", () => this.looks.change(changes(Number(slider.value)), this.target));
    return slider;
  }

  box(changes) {
    const box = element("input", "", { type: "checkbox" });
    box.addEventListener("change", () => {
      this.looks.change(changes(), this.target);
      this.refresh();
    });
    return box;
  }

  labelled(text, control, keys = "") {
    const label = element("label", "");
    label.append(control, ` ${text}`);
    if (keys) label.append(" ", element("kbd", "", { textContent: keys, "aria-hidden": "true" }));
    return label;
  }

  row(text, control, keys = "") {
    const row = element("label", "am-look-row");
    row.append(element("span", "", { textContent: text }), control);
    row.append(element("kbd", "", { textContent: keys, "aria-hidden": "true" }));
    return row;
  }

  group(text, content) {
    const row = element("div", "am-look-row", { role: "group", "aria-label": text });
    row.append(element("span", "", { textContent: text }), content, element("kbd", ""));
    return row;
  }
}
