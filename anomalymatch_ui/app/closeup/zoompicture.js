// One image on a canvas: zoom, pan, look, and the pixel under the cursor.

import { element } from "../shared/elements.js";
import { dragLook } from "../looking/lookdrag.js";
import { drawSky } from "./zoomcompass.js";
import { histogramOf, paint, tablesOf } from "../looking/paint.js";
import { isOriginal, limitsOf } from "../looking/stretch.js";

const LARGEST_SCALE = 64; // screen pixels for one of the image

export class ZoomPicture {
  // `changed` is called when the scale is another, `pointed` with what is said of the pixel under the cursor.
  constructor(looks, { changed, pointed }) {
    this.looks = looks;
    this.changed = changed;
    this.pointed = pointed;
    this.id = null;
    this.source = null;
    this.pixels = null; // the context of `source`
    this.reduced = 1;
    this.describe = null;
    this.frame = null;
    this.sky = null;
    this.limits = new Map(); // of this image, by what of a look they depend on
    this.scale = 1; // device pixels for one of the image, so that 1:1 is exact on every screen
    this.centre = [0, 0]; // of the canvas, in pixels of the image
    this.fitted = true;
    this.canvas = element("canvas", "am-zoom-canvas", { role: "img" });
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.marks = element("canvas", "am-zoom-marks", { "aria-hidden": "true" }); // over the pixels
    this.root = element("div", "am-zoom-stage");
    this.message = element("p", "am-zoom-message", { role: "status" });
    this.remark = element("p", "am-zoom-remark", { role: "status" });
    this.root.append(this.canvas, this.marks, this.message, this.remark);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.root);
    this.redraw = () => this.draw();
    looks.listeners.add(this.redraw);
    this.listen();
  }

  close() {
    this.observer.disconnect();
    this.looks.listeners.delete(this.redraw);
  }

  // Show a sentence in the picture's place.
  say(sentence, tone = "info") {
    this.id = this.source = null;
    this.message.textContent = sentence;
    this.message.dataset.tone = tone;
    this.remark.textContent = "";
    this.pointed("");
    this.draw();
  }

  // `reduced`: each pixel of the bitmap stands for a square of so many of the image. `describe(x, y)` gives what is
  // said of a pixel's values; the levels of the bitmap are if it is not given. `frame`: where the image lies in the
  // bitmap, {left, top, side} before reduction, if that shows what is around it. `remark`: what is wrong with it.
  // `sky`: the scale and the directions of the image, if they are known.
  show(id, bitmap, { reduced, describe = null, frame = null, remark = "", sky = null }) {
    const source = new OffscreenCanvas(bitmap.width, bitmap.height);
    this.pixels = source.getContext("2d", { willReadFrequently: true });
    this.pixels.drawImage(bitmap, 0, 0);
    this.message.textContent = "";
    this.remark.textContent = remark;
    this.canvas.setAttribute("aria-label", frame ? `${id} and what lies around it` : id);
    Object.assign(this, { id, source, reduced, describe, frame, sky, limits: new Map() });
    this.fit();
  }

  // Show other pixels of the same image, at the same place and scale.
  repaint(bitmap) {
    if (!this.source) return;
    this.pixels.drawImage(bitmap, 0, 0);
    this.limits.clear();
    this.draw();
  }

  get fittingScale() {
    const scale = Math.min(this.canvas.width / this.source.width, this.canvas.height / this.source.height);
    return scale > 1 ? Math.min(Math.floor(scale), LARGEST_SCALE) : scale; // all pixels of one size
  }

  fit() {
    if (!this.source || !this.canvas.width) return;
    this.scale = this.fittingScale;
    this.centre = [this.source.width / 2, this.source.height / 2];
    this.fitted = true;
    this.draw();
  }

  // Change the scale; the point `at` of the canvas, in device pixels, stays where it is.
  zoomTo(scale, at = [this.canvas.width / 2, this.canvas.height / 2]) {
    if (!this.source) return;
    const [x, y] = this.toImage(at);
    this.scale = Math.min(Math.max(scale, Math.min(this.fittingScale, 1)), LARGEST_SCALE);
    this.centre = [x - (at[0] - this.canvas.width / 2) / this.scale, y - (at[1] - this.canvas.height / 2) / this.scale];
    this.fitted = false;
    this.draw();
  }

  // Move what is shown by device pixels.
  pan(right, down) {
    this.centre = [this.centre[0] - right / this.scale, this.centre[1] - down / this.scale];
    this.fitted = false;
    this.draw();
  }

  toImage(place) {
    const [x, y] = place;
    const [left, top] = this.origin();
    return [(x - left) / this.scale, (y - top) / this.scale];
  }

  // Where the image's upper left corner is on the canvas: on a whole pixel, so that no pixel is smeared.
  origin() {
    return [
      Math.round(this.canvas.width / 2 - this.centre[0] * this.scale),
      Math.round(this.canvas.height / 2 - this.centre[1] * this.scale),
    ];
  }

  draw() {
    const { canvas, context, source, scale } = this;
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (source && canvas.width) {
      this.centre = [within(this.centre[0], source.width), within(this.centre[1], source.height)];
      // The part in sight only: the whole of a large image at 64:1 would be beyond what canvases count to.
      const [x, y] = this.origin();
      const [from, to] = inSight(x, scale, source.width, canvas.width);
      const [first, last] = inSight(y, scale, source.height, canvas.height);
      const [left, right] = [from, to].map((at) => Math.round(x + at * scale));
      const [top, bottom] = [first, last].map((at) => Math.round(y + at * scale));
      context.imageSmoothingEnabled = scale < 1;
      context.imageSmoothingQuality = "high";
      context.drawImage(source, from, first, to - from, last - first, left, top, right - left, bottom - top);
      this.applyLook(Math.max(left, 0), Math.max(top, 0), Math.min(right, canvas.width), Math.min(bottom, canvas.height));
      if (this.frame) this.drawFrame();
    }
    this.drawMarks();
    this.changed();
  }

  drawMarks() {
    const { marks, source, sky, scale, reduced } = this;
    const context = marks.getContext("2d");
    context.clearRect(0, 0, marks.width, marks.height);
    if (source && sky && marks.width) drawSky(context, sky, scale / reduced);
  }

  // Around the image, not over its pixels; a dark line beside the bright one shows on any sky.
  drawFrame() {
    const { context, frame: { left, top, side }, reduced } = this;
    const [x, y] = this.origin();
    const shown = (at, first) => Math.round(at + (first / reduced) * this.scale);
    const [from, across] = [shown(x, left), shown(y, top)];
    const length = Math.round((side / reduced) * this.scale);
    const line = Math.max(1, Math.round(window.devicePixelRatio || 1));
    for (const { colour, out } of [{ colour: "#000", out: 1.5 * line }, { colour: "#ffd54f", out: 0.5 * line }]) {
      context.strokeStyle = colour;
      context.lineWidth = line;
      context.strokeRect(from - out, across - out, length + 2 * out, length + 2 * out);
    }
  }

  // What is on the screen goes through the look, however large the image is.
  applyLook(left, top, right, bottom) {
    const look = this.looks.of(this.id);
    if (isOriginal(look) || right <= left || bottom <= top) return;
    const [width, height] = [right - left, bottom - top];
    const shown = this.context.getImageData(left, top, width, height);
    const pixels = new Uint32Array(shown.data.buffer);
    paint(pixels, width, { x: 0, y: 0, width, height }, pixels, tablesOf(look, this.limitsOf(look)));
    this.context.putImageData(shown, left, top);
  }

  limitsOf(look) {
    if (look.limits === "full") return limitsOf("full");
    const key = [look.limits, look.bands, look.colour_map !== "none"].join();
    if (!this.limits.has(key)) {
      const { width, height } = this.source;
      const pixels = new Uint32Array(this.pixels.getImageData(0, 0, width, height).data.buffer);
      this.limits.set(key, limitsOf(look.limits, histogramOf(pixels, width, { x: 0, y: 0, width, height }, look)));
    }
    return this.limits.get(key);
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    for (const canvas of [this.canvas, this.marks]) {
      canvas.width = Math.round(this.root.clientWidth * ratio);
      canvas.height = Math.round(this.root.clientHeight * ratio);
    }
    if (this.fitted) this.fit();
    else this.draw();
  }

  listen() {
    const { root } = this;
    root.addEventListener("wheel", (event) => {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      this.zoomTo(this.scale * 2 ** ((-event.deltaY * lines) / 250), this.place(event));
    }, { passive: false });
    root.addEventListener("contextmenu", (event) => event.preventDefault());
    root.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || event.shiftKey) return;
      root.setPointerCapture(event.pointerId);
      this.dragged = this.place(event);
    });
    root.addEventListener("pointermove", (event) => {
      const place = this.place(event);
      if (this.dragged && this.source) this.pan(place[0] - this.dragged[0], place[1] - this.dragged[1]);
      if (this.dragged) this.dragged = place;
      this.point(place);
    });
    for (const end of ["pointerup", "pointercancel"]) root.addEventListener(end, () => { this.dragged = null; });
    root.addEventListener("pointerleave", () => this.pointed(""));
    dragLook(root, this.looks, (event) => {
      const meant = event.button === 2 || (event.button === 0 && event.shiftKey);
      return meant && this.source ? this.looks.target(this.id) : undefined;
    });
  }

  place(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    const ratio = this.canvas.width / (this.canvas.clientWidth || 1);
    return [(event.clientX - left) * ratio, (event.clientY - top) * ratio];
  }

  levelsAt(x, y) {
    const [red, green, blue] = this.pixels.getImageData(x, y, 1, 1).data;
    return `R ${red} G ${green} B ${blue}`;
  }

  // Positions count from 0 at the image's upper left pixel, also of what is around it; values are the image's own,
  // whatever the look.
  point(place) {
    if (!this.source) return;
    const [x, y] = this.toImage(place).map(Math.floor);
    if (x < 0 || y < 0 || x >= this.source.width || y >= this.source.height) {
      this.pointed("");
      return;
    }
    const side = this.reduced;
    const { left, top } = this.frame ?? { left: 0, top: 0 };
    const mean = side > 1 ? ` (mean of ${side} × ${side} pixels)` : "";
    this.pointed(`x ${x * side - left}, y ${y * side - top}: ${this.describe?.(x, y) ?? this.levelsAt(x, y)}${mean}`);
  }
}

function within(value, size) {
  return Math.min(Math.max(value, 0), size);
}

// First and last of the image's pixels, on one axis, that are on the canvas.
function inSight(origin, scale, size, canvas) {
  return [Math.max(0, Math.floor(-origin / scale)), Math.min(size, Math.ceil((canvas - origin) / scale))];
}
