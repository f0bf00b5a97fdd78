// Paints the points where there is no WebGL: slower, and the shapes are plainer.

import { CLASSES, cornersOf } from "./marks.js";
import { ramp } from "./palette.js";

const css = (colour) => `rgb(${colour.map((value) => Math.round(255 * value)).join(" ")})`;

export class FlatPainter {
  constructor(canvas) {
    this.canvas = canvas;
    this.points = null;
    this.onRestored = null; // as GlPainter has it; a canvas in two dimensions is never lost
  }

  load(points) {
    this.points = points;
  }

  paint({ centre, scale, size, large, byLabel, palette }) {
    const { canvas, points } = this;
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!points) return;
    const labelled = CLASSES.map(({ name }) => css(palette[name]));
    const none = css(palette["map-none"]);
    const ranked = Array.from({ length: 256 }, (_, rank) => (rank ? css(ramp(palette, rank / 255)) : none));
    context.strokeStyle = css(palette["map-outline"]);
    for (const index of points.order) {
      const x = ((points.places[2 * index] - centre[0]) * scale[0] + 1) * 0.5 * canvas.width;
      const y = (1 - (points.places[2 * index + 1] - centre[1]) * scale[1]) * 0.5 * canvas.height;
      if (x < -large || y < -large || x > canvas.width + large || y > canvas.height + large) continue;
      const label = points.labels[index];
      context.fillStyle = !byLabel ? ranked[points.ranks[index]] : label ? labelled[label - 1] : none;
      context.globalAlpha = points.selectedCount && !points.selected[index] ? 0.12 : label ? 1 : 0.8;
      if (label) this.shape(context, label, x, y, large / 2);
      else context.fillRect(x - 0.5 * size, y - 0.5 * size, size, size);
    }
    context.globalAlpha = 1;
  }

  shape(context, label, x, y, radius) {
    context.beginPath();
    const corners = cornersOf(CLASSES[label - 1].name);
    if (corners) {
      for (const [dx, dy] of corners) context.lineTo(x + dx * radius, y + dy * radius);
      context.closePath();
    } else context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }

  close() {}
}
