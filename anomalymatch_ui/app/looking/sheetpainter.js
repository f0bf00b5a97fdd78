// Where images lie on a contact sheet, and how they are painted through looks.

import { histogramOf, paint, tablesOf } from "./paint.js";
import { limitsOf } from "./stretch.js";

// `layout` is {cell, pitch, inset, columns}, as sheet.py has laid it out.
export function placeOf({ cell, pitch, inset, columns }, position) {
  return {
    x: inset + (position % columns) * pitch, y: inset + Math.floor(position / columns) * pitch, width: cell, height: cell,
  };
}

// `picture` is what can be drawn on a canvas: an image or a bitmap.
export class SheetPainter {
  constructor(picture, layout) {
    this.picture = picture;
    this.layout = layout;
    this.limits = new Map(); // of an image, by what they depend on
    this.tables = new Map(); // of a look, by limits
    this.source = null;
  }

  paint(position, look, canvas) {
    this.read();
    const rectangle = this.rectangle(position);
    paint(this.source, this.picture.width, rectangle, this.pixels, this.tablesOf(look, position, rectangle));
    canvas.getContext("2d").putImageData(this.scratch, 0, 0);
  }

  // The pixels of the whole sheet are read at once, and only where a look needs them.
  read() {
    if (this.source) return;
    const { width, height } = this.picture;
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    context.drawImage(this.picture, 0, 0);
    this.source = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
    this.scratch = new ImageData(this.layout.cell, this.layout.cell);
    this.pixels = new Uint32Array(this.scratch.data.buffer);
  }

  rectangle(position) {
    return placeOf(this.layout, position);
  }

  tablesOf(look, position, rectangle) {
    const limits = this.limitsOf(look, position, rectangle);
    if (this.look !== look) this.tables.clear(); // a drag makes a look a frame
    this.look = look;
    const key = limits.join();
    if (!this.tables.has(key)) this.tables.set(key, tablesOf(look, limits));
    return this.tables.get(key);
  }

  // Each image has limits from its own pixels; a drag does not change them.
  limitsOf(look, position, rectangle) {
    if (look.limits === "full") return limitsOf("full");
    const key = [position, look.limits, look.bands, look.colour_map !== "none"].join();
    if (!this.limits.has(key)) {
      this.limits.set(key, limitsOf(look.limits, histogramOf(this.source, this.picture.width, rectangle, look)));
    }
    return this.limits.get(key);
  }
}
