// Native values in the close-up: stretched here, as fast as the sliders move.

import { element, quietButton } from "../shared/elements.js";
import { NATIVE_CURVES, nativeLimits, paintNative, unpackValues, valuesAt } from "../looking/nativevalues.js";

const BLINK = 700; // ms that a band is shown
const NATIVE_VIEWS = new WeakMap(); // of a desk: what was chosen stays from image to image

export class ZoomNative {
  // `picture` shows what is painted here.
  constructor(desk, picture) {
    this.desk = desk;
    this.picture = picture;
    this.image = null;
    this.blinking = null;
    this.view = NATIVE_VIEWS.get(desk) ?? { band: null, black: 0, white: 1, curve: null, softening: null, mask: false };
    NATIVE_VIEWS.set(desk, this.view);
    this.build();
  }

  close() {
    this.stopBlinking();
  }

  build() {
    this.root = element("div", "am-zoom-native", { role: "group", "aria-label": "native values", hidden: true });
    this.bands = element("div", "am-zoom-bands", { role: "group", "aria-label": "bands" });
    this.blink = this.button("blink", "show the bands one after the other (B)", () => this.toggleBlinking());
    this.curve = element("select", "", { "aria-label": "stretch" });
    for (const name of NATIVE_CURVES) this.curve.append(element("option", "", { value: name, textContent: name }));
    this.curve.addEventListener("change", () => this.change({ curve: this.curve.value, softening: null }));
    this.black = this.slider("black", -0.5, 0.95, 0.005, (value) => ({ black: Math.min(value, this.view.white - 0.005) }));
    this.white = this.slider("white", -2, 1, 0.01, (value) => ({ white: Math.max(10 ** value, this.view.black + 0.005) }));
    this.softening = this.slider("softening", -3, 4, 0.02, (value) => ({ softening: 10 ** value }));
    this.mask = element("input", "", { type: "checkbox" });
    this.mask.addEventListener("change", () => this.change({ mask: this.mask.checked }));
    const mask = element("label", "", { title: "paint the pixels that mean nothing (M)" });
    mask.append(this.mask, " mask");
    this.maskRow = mask;
    this.limits = element("span", "am-zoom-limits", { role: "status" });
    this.reset = this.button("as the page", "stretch and bands as on the page", () => this.resetView());
    this.handBackFocus();
    this.root.append(this.bands, this.blink, this.curve, this.labelled("black", this.black), this.labelled("white", this.white),
      this.labelled("softening", this.softening), mask, this.reset, this.limits);
  }

  // After the pointer has set something the next key is meant for the image; who goes by Tab stays where they are.
  handBackFocus() {
    let byPointer = false;
    this.root.addEventListener("pointerdown", () => { byPointer = true; });
    this.root.addEventListener("keydown", () => { byPointer = false; });
    this.root.addEventListener("change", () => {
      if (byPointer) this.root.closest("[role='dialog']")?.focus({ preventScroll: true });
    });
  }

  button(textContent, title, run) {
    return quietButton("am-key-button", { textContent, title }, run);
  }

  slider(name, min, max, step, changes) {
    const slider = element("input", "", { type: "range", min, max, step, "aria-label": name });
    slider.addEventListener("input", () => this.change(changes(Number(slider.value))));
    return slider;
  }

  labelled(text, control) {
    const label = element("label", "");
    label.append(`${text} `, control);
    return label;
  }

  // Take an answer's values; gives what can be drawn.
  take(answer) {
    const former = this.image;
    this.image = unpackValues(answer.native, answer.buffers);
    const names = (image) => image?.bands.map(({ name }) => name).join();
    if (names(former) !== names(this.image)) {
      this.stopBlinking();
      if (former || this.view.band >= this.image.bands.length) this.view.band = null;
      this.drawBands();
    }
    const { width, height } = this.image;
    this.canvas = new OffscreenCanvas(width, height);
    this.data = new ImageData(width, height);
    this.root.hidden = false;
    this.paint();
    return this.canvas;
  }

  clear() {
    this.root.hidden = true;
  }

  drawBands() {
    const { bands } = this.image;
    const entries = bands.length > 1 ? [["colour", null], ...bands.map(({ name }, at) => [name, at])] : [];
    this.bands.replaceChildren(...entries.map(([text, at]) => {
      const button = this.button(text, at === null ? "all bands in colour (C)" : `${text} alone, in grey (C)`, () => {
        this.stopBlinking();
        this.change({ band: at });
      });
      button.dataset.band = String(at);
      return button;
    }));
    this.blink.hidden = bands.length < 2;
  }

  // What was chosen, and where nothing was, what the page shows.
  get seen() {
    const { curve, softening } = this.view;
    return { ...this.view, curve: curve ?? this.image.curve, softening: softening ?? (curve === null ? this.image.softening : null) };
  }

  change(changes) {
    Object.assign(this.view, changes);
    this.repaint();
  }

  resetView() {
    this.stopBlinking();
    this.change({ band: null, black: 0, white: 1, curve: null, softening: null, mask: false });
  }

  repaint() {
    if (!this.image) return;
    this.paint();
    this.picture.repaint(this.canvas);
  }

  paint() {
    const { seen } = this;
    paintNative(this.image, seen, new Uint32Array(this.data.data.buffer));
    this.canvas.getContext("2d").putImageData(this.data, 0, 0);
    this.draw(seen);
  }

  draw(seen) {
    const { image } = this;
    for (const button of this.bands.children) button.setAttribute("aria-pressed", String(button.dataset.band === String(seen.band)));
    this.blink.setAttribute("aria-pressed", String(this.blinking !== null));
    this.curve.value = seen.curve;
    this.black.value = seen.black;
    this.white.value = Math.log10(seen.white);
    const soft = seen.curve === "asinh" || seen.curve === "lupton";
    this.softening.parentElement.hidden = !soft;
    if (soft) this.softening.value = Math.log10(seen.softening ?? (seen.curve === "asinh" ? 0.1 : 8));
    this.mask.checked = seen.mask;
    this.maskRow.hidden = image.bad.every((bad) => bad === null);
    const shown = image.bands.map((band, at) => ({ ...band, at })).filter(({ at }) => (seen.band === null ? image.rgb.some((row) => row[at]) : at === seen.band));
    this.limits.textContent = shown.map(({ name, unit, at }) => {
      const [low, high] = nativeLimits(image.limits[at], seen).map((value) => Number(value.toPrecision(3)));
      return `${image.bands.length > 1 ? `${name} ` : ""}${low} to ${high}${unit ? ` ${unit}` : ""}`;
    }).join(", ");
  }

  // The next of colour and the single bands.
  step() {
    if (!this.image || this.image.bands.length < 2) return;
    const { band } = this.view;
    const next = band === null ? 0 : band + 1;
    this.change({ band: next < this.image.bands.length ? next : null });
  }

  toggleMask() {
    if (this.image && !this.maskRow.hidden) this.change({ mask: !this.view.mask });
  }

  toggleBlinking() {
    if (this.blinking !== null) {
      this.stopBlinking();
      this.repaint();
    } else if (this.image?.bands.length > 1) {
      this.blinking = setInterval(() => this.blinkOn(), BLINK);
      this.blinkOn();
    }
  }

  blinkOn() {
    const { band } = this.view;
    this.change({ band: band === null ? 0 : (band + 1) % this.image.bands.length });
  }

  stopBlinking() {
    clearInterval(this.blinking);
    this.blinking = null;
  }

  describe(x, y) {
    return valuesAt(this.image, x, y);
  }
}

export function nativeActionsFor(native, group) {
  return [
    { name: "band", keys: ["C"], title: "colour, or one band after the other", group, run: () => { native.stopBlinking(); native.step(); } },
    { name: "blink", keys: ["B"], title: "blink between the bands", group, run: () => native.toggleBlinking() },
    { name: "mask", keys: ["M"], title: "paint the pixels that mean nothing", group, run: () => native.toggleMask() },
  ];
}
