// The map's colours, read from the page's CSS variables so that a theme changes them.

import { LABELS } from "../shared/labels.js";

const NAMES = ["map-low", "map-middle", "map-high", "map-none", "map-outline", ...Object.keys(LABELS)];

let context = null;

// [red, green, blue], each 0 to 1, of any colour that CSS knows.
function parsed(colour) {
  context ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#000";
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)].map((value) => value / 255);
}

export function paletteOf(element) {
  const style = getComputedStyle(element);
  return Object.fromEntries(NAMES.map((name) => [name, parsed(style.getPropertyValue(`--${name}`).trim())]));
}

// The colour of a rank, 0 to 1, between the palette's three.
export function ramp(palette, share) {
  const [from, to, part] = share < 0.5
    ? [palette["map-low"], palette["map-middle"], 2 * share]
    : [palette["map-middle"], palette["map-high"], 2 * share - 1];
  return from.map((value, channel) => value + part * (to[channel] - value));
}
