// Native values of one image, as nativevalues.py packs them: decoding, and what is seen of them. Pure functions.

import { arrayOf } from "../shared/kernel.js";

const ENTRIES = 65536; // of the table of a curve: log, the steepest, then errs by half a level at most
const LOG_STRENGTH = 1000;

export const NATIVE_CURVES = ["linear", "sqrt", "log", "asinh", "lupton"];

// `native` is the answer's description, `buffers` its two buffers. Gives {bands, width, height, reduced, planes, bad}:
// a Float32Array for each band, and a Uint8Array, null where no pixel is bad.
export function unpackValues(native, [values, bad]) {
  const { bands, width, height } = native;
  const size = width * height;
  const all = native.dtype === "float16" ? fromHalves(arrayOf(Uint16Array, values)) : arrayOf(Float32Array, values);
  const masked = bad?.byteLength ? new Uint8Array(bad.buffer, bad.byteOffset, bad.byteLength) : null;
  return {
    ...native,
    planes: bands.map((_band, at) => all.subarray(at * size, (at + 1) * size)),
    bad: bands.map((_band, at) => masked?.subarray(at * size, (at + 1) * size) ?? null),
  };
}

function fromHalves(halves) {
  return Float32Array.from(halves, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return exponent ? sign * (1 + fraction / 1024) * 2 ** (exponent - 15) : sign * fraction * 2 ** -24;
  });
}

// What is black and what is white in a band, in its own units: `black` and `white` are shares of the image's range.
export function nativeLimits([low, high], { black, white }) {
  const range = high > low ? high - low : 1;
  return [low + black * range, low + white * range];
}

// Paint an image into `target`, a Uint32Array of one packed pixel each. `view`: {curve, softening, black, white,
// band, mask}; `band` is the place of the one that is shown in grey, null for the colours of `rgb`.
export function paintNative(image, view, target) {
  const weights = view.band === null ? image.rgb : [0, 1, 2].map(() => image.bands.map((_band, at) => Number(at === view.band)));
  const used = image.bands.map((_band, at) => at).filter((at) => weights.some((row) => row[at] !== 0));
  const levels = view.curve === "lupton" ? luptonLevels(image, view, used) : curveLevels(image, view, used);
  const pure = weights.map((row) => (row.filter(Boolean).length === 1 && row.find(Boolean) === 1 ? row.indexOf(1) : -1));
  if (pure.every((at) => at >= 0)) {
    const [red, green, blue] = pure.map((at) => levels.get(at));
    for (let pixel = 0; pixel < target.length; pixel += 1) {
      target[pixel] = packedPixel(Math.round(255 * red[pixel]), Math.round(255 * green[pixel]), Math.round(255 * blue[pixel]));
    }
  } else {
    const mix = (row, pixel) => Math.min(Math.max(used.reduce((sum, at) => sum + row[at] * levels.get(at)[pixel], 0), 0), 1);
    for (let pixel = 0; pixel < target.length; pixel += 1) {
      target[pixel] = packedPixel(...weights.map((row) => Math.round(255 * mix(row, pixel))));
    }
  }
  if (view.mask) paintMask(image, used, target);
}

function packedPixel(red, green, blue) {
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}

// Magenta, a colour that skies do not have.
function paintMask(image, used, target) {
  for (const at of used) {
    const bad = image.bad[at];
    if (bad) bad.forEach((isBad, pixel) => { if (isBad) target[pixel] = packedPixel(255, 0, 200); });
  }
}

function isNothing(value, bad, pixel) {
  return Number.isNaN(value) || bad?.[pixel] === 1;
}

function curveLevels(image, view, used) {
  const table = curveTable(view);
  return new Map(used.map((at) => {
    const [low, high] = nativeLimits(image.limits[at], view);
    const [plane, bad] = [image.planes[at], image.bad[at]];
    const scale = (ENTRIES - 1) / (high - low);
    const levels = plane.map((value, pixel) => {
      if (isNothing(value, bad, pixel)) return 0;
      return table[Math.min(Math.max(Math.round((value - low) * scale), 0), ENTRIES - 1)];
    });
    return [at, levels];
  }));
}

function curveTable({ curve, softening }) {
  const a = softening ?? 0.1;
  const stretch = {
    linear: (x) => x,
    sqrt: Math.sqrt,
    log: (x) => Math.log1p(LOG_STRENGTH * x) / Math.log1p(LOG_STRENGTH),
    asinh: (x) => Math.asinh(x / a) / Math.asinh(1 / a),
  }[curve];
  return Float32Array.from({ length: ENTRIES }, (_nothing, at) => stretch(at / (ENTRIES - 1)));
}

// Bands dimmed together by asinh of their mean, so that colours stay: Lupton et al. 2004, PASP 116, 133.
function luptonLevels(image, view, used) {
  const q = view.softening ?? 8;
  const size = image.width * image.height;
  const x = new Map(used.map((at) => {
    const [low, high] = nativeLimits(image.limits[at], view);
    const bad = image.bad[at];
    return [at, image.planes[at].map((value, pixel) => {
      if (isNothing(value, bad, pixel)) return 0;
      return Math.max(((value === Infinity ? high : value) - low) / (high - low), 0);
    })];
  }));
  const planes = [...x.values()];
  for (let pixel = 0; pixel < size; pixel += 1) {
    let [sum, most] = [0, 0];
    for (const plane of planes) sum += plane[pixel];
    const intensity = sum / planes.length;
    const scale = intensity > 0 ? Math.asinh(q * intensity) / Math.asinh(q) / intensity : 0;
    for (const plane of planes) {
      plane[pixel] *= scale;
      most = Math.max(most, plane[pixel]);
    }
    if (most > 1) for (const plane of planes) plane[pixel] /= most;
  }
  return x;
}

// What is said of the pixel under the pointer: the value of every band in its own unit.
export function valuesAt(image, x, y) {
  const pixel = y * image.width + x;
  const units = new Set(image.bands.map(({ unit }) => unit));
  const one = units.size === 1 ? [...units][0] : null;
  const said = image.bands.map(({ name, unit }, at) => {
    const value = image.planes[at][pixel];
    const number = Number.isFinite(value) ? String(Number(value.toPrecision(5))) : String(value);
    const masked = image.bad[at]?.[pixel] && Number.isFinite(value) ? " (masked)" : "";
    return `${image.bands.length > 1 ? `${name} ` : ""}${number}${one === null && unit ? ` ${unit}` : ""}${masked}`;
  });
  return said.join("  ") + (one ? ` ${one}` : "");
}
