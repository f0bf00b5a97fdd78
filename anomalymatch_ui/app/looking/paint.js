// Pixels through a look. A pixel is one 32-bit number, alpha highest and red lowest, as canvases keep it.

import { lookup } from "./stretch.js";

const OPAQUE = 0xff000000;

// Every eighth of the maps' own 256 colours, within two levels of them in between.
const COLOUR_NODES = {
  grey: "000000 ffffff",
  // van der Walt & Smith 2015; CC0.
  viridis: "440154 470d60 48186a 482374 472d7b 453681 424086 3f4989 3b528b 375a8d 33638d 2f6a8e 2c728e 297a8e "
    + "26818e 23898e 21908c 1f988b 1f9f88 21a685 28ae80 31b57b 3ebc74 4cc26c 5dc963 6ece58 82d34c 96d83f abdc32 "
    + "c0df24 d5e21a eae51a fde725",
  magma: "000004 030311 0a0822 130d33 1d1146 28115a 36106a 430f76 50127c 5d177f 691c81 762181 822681 8f2a81 9c2e7f "
    + "a9327d b63779 c33b75 cf4170 db486a e65163 ee5c5e f5695c f9785d fb8761 fd9668 fea571 feb47b fec387 fed194 "
    + "fde0a2 fceeb0 fcfdbf",
};

// 256 packed colours.
export function palette(name) {
  const colours = new Uint32Array(256);
  const nodes = COLOUR_NODES[name]?.split(" ").map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  for (let value = 0; value < 256; value += 1) {
    const [red, green, blue] = nodes ? between(nodes, value / 255) : cubehelix(value / 255);
    colours[value] = OPAQUE | (blue << 16) | (green << 8) | red;
  }
  return colours;
}

function between(nodes, x) {
  const place = x * (nodes.length - 1);
  const node = Math.min(Math.floor(place), nodes.length - 2);
  return nodes[node].map((from, band) => Math.round(from + (nodes[node + 1][band] - from) * (place - node)));
}

// Green 2011, Bull. Astr. Soc. India 39, 289, with its defaults: start 0.5, -1.5 rotations, hue 1, gamma 1.
function cubehelix(x) {
  const angle = 2 * Math.PI * (0.5 / 3 + 1 - 1.5 * x);
  const amplitude = (x * (1 - x)) / 2;
  const turned = (cosine, sine) => x + amplitude * (cosine * Math.cos(angle) + sine * Math.sin(angle));
  return [turned(-0.14861, 1.78277), turned(-0.29227, -0.90649), turned(1.97294, 0)]
    .map((y) => Math.round(255 * Math.min(Math.max(y, 0), 1)));
}

// What one number is made of the three bands under a colour map: the luminance of Rec. 709, in 256ths, of the
// bands that are on.
function weightsOf(bands) {
  const weights = Object.entries({ R: 54, G: 183, B: 19 }).map(([band, weight]) => (bands.includes(band) ? weight : 0));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => (256 * weight) / total);
}

// What `paint` needs: three tables of packed values, or a palette of the luminance.
export function tablesOf(look, limits) {
  const table = lookup(look, limits);
  if (look.colour_map !== "none") {
    const colours = palette(look.colour_map);
    return { weights: weightsOf(look.bands), palette: Uint32Array.from(table, (value) => colours[value]) };
  }
  const band = (name, shift) => Uint32Array.from(table, (value) => (look.bands.includes(name) ? value << shift : 0));
  return { red: band("R", 0).map((value) => value | OPAQUE), green: band("G", 8), blue: band("B", 16) };
}

// Paint a rectangle of `source`, whose rows are `stride` pixels long, into `target`, which has its size.
export function paint(source, stride, { x, y, width, height }, target, tables) {
  if (tables.palette) paintMapped(source, stride, { x, y, width, height }, target, tables);
  else paintBands(source, stride, { x, y, width, height }, target, tables);
}

function paintBands(source, stride, { x, y, width, height }, target, { red, green, blue }) {
  for (let row = 0, to = 0; row < height; row += 1) {
    const from = (y + row) * stride + x;
    for (let at = from; at < from + width; at += 1, to += 1) {
      const pixel = source[at];
      target[to] = red[pixel & 255] | green[(pixel >> 8) & 255] | blue[(pixel >> 16) & 255];
    }
  }
}

function paintMapped(source, stride, { x, y, width, height }, target, { weights, palette: colours }) {
  const [r, g, b] = weights;
  for (let row = 0, to = 0; row < height; row += 1) {
    const from = (y + row) * stride + x;
    for (let at = from; at < from + width; at += 1, to += 1) {
      const pixel = source[at];
      target[to] = colours[(r * (pixel & 255) + g * ((pixel >> 8) & 255) + b * ((pixel >> 16) & 255) + 128) >> 8];
    }
  }
}

// Count the values that the look's table is for: of all bands that are on, or of their luminance.
export function histogramOf(source, stride, { x, y, width, height }, look) {
  const histogram = new Uint32Array(256);
  const [r, g, b] = weightsOf(look.bands);
  const mapped = look.colour_map !== "none";
  for (let row = y; row < y + height; row += 1) {
    for (let at = row * stride + x; at < row * stride + x + width; at += 1) {
      const pixel = source[at];
      if (mapped) {
        histogram[(r * (pixel & 255) + g * ((pixel >> 8) & 255) + b * ((pixel >> 16) & 255) + 128) >> 8] += 1;
      } else {
        if (r) histogram[pixel & 255] += 1;
        if (g) histogram[(pixel >> 8) & 255] += 1;
        if (b) histogram[(pixel >> 16) & 255] += 1;
      }
    }
  }
  return histogram;
}
