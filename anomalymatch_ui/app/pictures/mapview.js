// The map: points that can be moved, magnified, looked at and selected.

import { Camera } from "./camera.js";
import { FlatPainter } from "./flatpainter.js";
import { GlPainter } from "./glpainter.js";
import { Lasso } from "./lasso.js";
import { CLASSES } from "./marks.js";
import { element, quietButton } from "../shared/elements.js";
import { arrayOf, sendTo } from "../shared/kernel.js";
import { whole } from "../shared/numbers.js";
import { paletteOf } from "./palette.js";
import { Points } from "./points.js";
import { Preview } from "./preview.js";

const NO_WEBGL = "This browser has no WebGL, so the map is drawn more slowly.";
const REACH = 9; // px around the pointer in which a point counts as pointed at
const MOVED = 4; // px of a drag below which it is a click

export class MapView {
  constructor(questions, host) {
    this.questions = questions;
    this.points = null;
    this.version = "";
    this.colours = 0;
    this.camera = new Camera();
    this.build(host);
    this.painter = GlPainter.on(this.canvas) ?? this.flat();
    this.painter.onRestored = () => this.draw();
    this.preview = new Preview(questions, this.frame);
    this.lasso = new Lasso(this.frame, (polygon) => this.selectWithin(polygon));
    this.listen();
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.frame);
    this.recolour = () => this.draw();
    document.addEventListener("anomalymatch:theme", this.recolour);
  }

  build(host) {
    this.by = element("select", "", { "aria-label": "colour by" },
      element("option", "", { value: "score", textContent: "by ranking" }),
      element("option", "", { value: "label", textContent: "by label" }));
    const button = (textContent, title, run) => quietButton("", { textContent, title }, run);
    this.lassoButton = button("Lasso", "draw around images to list them (or Shift and drag)", () => this.toggleLasso());
    this.lassoButton.setAttribute("aria-pressed", "false");
    this.clearButton = button("Clear", "list all images again (Escape)", () => this.select(new Uint32Array()));
    this.clearButton.hidden = true;
    const all = button("Whole map", "see the whole map (0)", () => this.reset());
    this.controls = element("div", "am-map-controls", {}, this.by, this.lassoButton, all, this.clearButton);
    this.canvas = element("canvas", "am-map-canvas");
    this.frame = element("div", "am-map-frame", {
      tabIndex: 0, role: "application",
      "aria-label": "map of the images: arrows move, plus and minus magnify, 0 shows all",
    }, this.canvas);
    this.legend = element("div", "am-key am-map-key");
    this.sentence = element("p", "am-note am-map-sentence", { role: "status" });
    this.root = element("div", "am-map", {}, this.controls, this.frame, this.legend, this.sentence);
    host.append(this.root);
    this.drawLegend();
  }

  flat() {
    // A canvas that was asked for WebGL and refused may still be drawn on in two dimensions.
    this.handicap = NO_WEBGL;
    return new FlatPainter(this.canvas);
  }

  close() {
    this.observer.disconnect();
    document.removeEventListener("anomalymatch:theme", this.recolour);
    this.preview.close();
    this.painter.close();
  }

  // Follow what the kernel tells; points are fetched when they have changed, colours otherwise.
  async heed(state) {
    this.state = state;
    this.say();
    if (!state.version) return;
    if (state.version !== this.version) {
      this.version = state.version;
      this.colours = state.colours;
      await this.fetchPoints();
    } else if (state.colours !== this.colours && this.points) {
      this.colours = state.colours;
      await this.fetchColours();
    }
  }

  // Where the kernel refuses, the reason is said, and the next change asks again.
  async fetchPoints() {
    try {
      const { version, buffers } = await this.questions.ask({ kind: "points" });
      const [rows, places, ranks, labels, selected] = buffers;
      this.version = version;
      this.points = new Points(arrayOf(Uint32Array, rows), arrayOf(Float32Array, places));
      this.points.colour(arrayOf(Uint8Array, ranks), arrayOf(Uint8Array, labels));
      this.showSelected(arrayOf(Uint32Array, selected));
    } catch (error) {
      this.version = "";
      this.sentence.textContent = error.message;
    }
  }

  async fetchColours() {
    const answer = await this.questions.ask({ kind: "colours" }).catch(() => null); // then the former ones stay
    if (answer?.version !== this.version) return;
    const [ranks, labels] = answer.buffers;
    this.points.colour(arrayOf(Uint8Array, ranks), arrayOf(Uint8Array, labels));
    this.refresh();
  }

  say() {
    const { method, drawn, images, sentence } = this.state;
    const what = method && (method === "UMAP"
      ? `UMAP of ${whole(drawn)} images: what looks alike lies together.`
      : `Two principal components of ${whole(drawn)} images: those that look alike are often close together.`);
    const part = method && drawn < images ? ` A random sample of ${whole(images)}, with all that have a label.` : "";
    const chosen = this.points?.selectedCount ? `${whole(this.points.selectedCount)} selected.` : "";
    this.sentence.textContent = [chosen, what && what + part, sentence, this.handicap].filter(Boolean).join(" ");
    this.root.dataset.method = method ?? "";
  }

  showSelected(rows) {
    if (!this.points) return;
    this.points.select(rows);
    this.clearButton.hidden = !this.points.selectedCount;
    this.say();
    this.refresh();
  }

  select(rows) {
    this.showSelected(rows);
    sendTo(this.questions.model, { kind: "select" }, [rows.slice().buffer]);
  }

  selectWithin(polygon) {
    this.toggleLasso(false);
    if (!this.points || polygon.length < 3) return;
    const rows = this.points.within(polygon.map(([x, y]) => this.camera.place(x, y)));
    if (rows.length) this.select(rows);
    else this.sentence.textContent = "There are no images inside. Draw around some.";
  }

  toggleLasso(on = !this.lasso.armed) {
    this.lasso.armed = on;
    this.lassoButton.setAttribute("aria-pressed", String(on));
    this.frame.classList.toggle("am-lassoing", on);
  }

  reset() {
    this.camera.reset();
    this.draw();
  }

  refresh() {
    this.painter.load(this.points);
    this.draw();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.frame;
    if (!width || !height) return;
    const ratio = window.devicePixelRatio || 1;
    Object.assign(this.camera, { width, height });
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.draw();
  }

  draw() {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = null;
      if (!this.canvas.isConnected) return;
      const { centre, scale } = this.camera;
      const palette = paletteOf(this.root);
      this.painter.paint({ centre, scale, ...this.sizes(), byLabel: this.by.value === "label", palette });
      this.root.dataset.painted = String(this.points?.count ?? 0);
    });
  }

  // Few points are drawn large, many small; magnified they grow, though less than the distances between them.
  sizes() {
    const { width, height, zoom } = this.camera;
    const side = Math.min(width, height) * (window.devicePixelRatio || 1);
    const spread = (0.45 * side) / Math.sqrt(this.points?.count ?? 1);
    const size = Math.min(Math.max(spread, side / 160), side / 50) * zoom ** 0.3;
    return { size, large: Math.max(1.8 * size, 11 * (window.devicePixelRatio || 1)) };
  }

  drawLegend() {
    const marks = CLASSES.map(({ name, plural }) => element("span", "", {}, element("i", `am-swatch am-swatch-${name}`), plural));
    const scale = this.by.value === "score"
      ? [element("span", "", {}, "first", element("i", "am-ramp"), "last in the ranking")]
      : [element("span", "", {}, element("i", "am-swatch am-swatch-none"), "no label")];
    this.legend.replaceChildren(...scale, ...marks);
  }

  listen() {
    const { frame } = this;
    this.by.addEventListener("change", () => {
      this.drawLegend();
      this.draw();
    });
    frame.addEventListener("wheel", (event) => {
      event.preventDefault();
      const [x, y] = this.at(event);
      this.camera.zoomBy(Math.exp(-event.deltaY * 0.0015), x, y);
      this.draw();
    }, { passive: false });
    frame.addEventListener("pointerdown", (event) => this.press(event));
    frame.addEventListener("mousedown", (event) => event.preventDefault()); // keys stay with the gallery
    frame.addEventListener("pointermove", (event) => this.hover(event));
    frame.addEventListener("pointerleave", () => this.preview.hide());
    frame.addEventListener("dblclick", () => this.reset());
    this.root.addEventListener("keydown", (event) => this.key(event));
  }

  at(event) {
    const box = this.frame.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  press(event) {
    if (event.button !== 0) return;
    const start = this.at(event);
    this.preview.hide();
    if (event.shiftKey || this.lasso.armed) {
      this.lasso.begin(event, start);
      return;
    }
    let last = start, moved = false;
    const move = (moving) => {
      const [x, y] = this.at(moving);
      moved ||= Math.hypot(x - start[0], y - start[1]) > MOVED;
      if (moved) this.camera.pan(x - last[0], y - last[1]);
      last = [x, y];
      this.draw();
    };
    const end = (ending) => {
      this.frame.removeEventListener("pointermove", move);
      for (const name of ["pointerup", "pointercancel"]) this.frame.removeEventListener(name, end);
      if (!moved && ending.type === "pointerup") this.pick(...start);
    };
    this.frame.setPointerCapture(event.pointerId);
    this.frame.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) this.frame.addEventListener(name, end);
  }

  nearest(x, y) {
    return this.points ? this.points.nearest(...this.camera.place(x, y), REACH * this.camera.unit) : -1;
  }

  pick(x, y) {
    const index = this.nearest(x, y);
    if (index >= 0) sendTo(this.questions.model, { kind: "pick", row: this.points.rows[index] });
  }

  hover(event) {
    if (event.buttons || this.lasso.drawing) return;
    const index = this.nearest(...this.at(event));
    this.frame.classList.toggle("am-pointing", index >= 0);
    if (index < 0) this.preview.hide();
    else {
      const [x, y] = this.camera.pixel(this.points.places[2 * index], this.points.places[2 * index + 1]);
      this.preview.show(this.points.rows[index], x, y);
    }
  }

  key(event) {
    if (event.target !== this.frame || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = 40;
    const actions = {
      ArrowLeft: () => this.camera.pan(step, 0),
      ArrowRight: () => this.camera.pan(-step, 0),
      ArrowUp: () => this.camera.pan(0, step),
      ArrowDown: () => this.camera.pan(0, -step),
      "+": () => this.camera.zoomBy(1.4),
      "=": () => this.camera.zoomBy(1.4),
      "-": () => this.camera.zoomBy(1 / 1.4),
      0: () => this.camera.reset(),
    };
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action();
    this.draw();
  }

  // Escape: gives whether there was something to leave.
  leave() {
    if (this.lasso.armed) this.toggleLasso(false);
    else if (this.points?.selectedCount) this.select(new Uint32Array());
    else return false;
    return true;
  }
}
