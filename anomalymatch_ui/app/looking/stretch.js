// How 8-bit values are shown: limits, stretch, bias and contrast, as one table of 256 entries.
// Pure functions; what draws with them is in paint.js.

export const ORIGINAL_LOOK = Object.freeze({
  stretch: "linear", limits: "full", brightness: 0.5, contrast: 1, invert: false, bands: "RGB", colour_map: "none",
});

// Of x in [0, 1], as in DS9 and astropy.visualization.
export const STRETCHES = {
  linear: (x) => x,
  asinh: (x) => Math.asinh(x / 0.1) / Math.asinh(1 / 0.1),
  log: (x) => Math.log(1000 * x + 1) / Math.log(1001),
  sqrt: (x) => Math.sqrt(x),
};

export const LIMITS = { full: "0 to 255", 99.5: "99.5 %", 99: "99 %", 95: "95 %", zscale: "zscale" };

export const COLOUR_MAPS = ["none", "grey", "viridis", "magma", "cubehelix"];

export function isOriginal(look) {
  return Object.keys(ORIGINAL_LOOK).every((name) => look[name] === ORIGINAL_LOOK[name]);
}

// A look from what somebody else wrote down: what is unknown or out of range becomes the original's.
export function asLook(values) {
  /** @type {Record<string, any>} */
  const look = { ...ORIGINAL_LOOK };
  if (Object.hasOwn(STRETCHES, values?.stretch)) look.stretch = values.stretch;
  if (Object.hasOwn(LIMITS, values?.limits)) look.limits = values.limits;
  if (COLOUR_MAPS.includes(values?.colour_map)) look.colour_map = values.colour_map;
  if (/^(?=.)R?G?B?$/.test(values?.bands ?? "")) look.bands = values.bands;
  if (values?.brightness >= 0 && values.brightness <= 1) look.brightness = rounded(values.brightness);
  if (values?.contrast >= 0.1 && values.contrast <= 10) look.contrast = rounded(values.contrast);
  look.invert = values?.invert === true;
  return look;
}

// So that as many steps back as forth lead to where they began.
function rounded(value) {
  return Math.round(value * 1e4) / 1e4;
}

// The table: shown value, 0 to 255, of each value; what is not above `low` is black, `high` is white.
export function lookup(look, [low, high]) {
  const stretch = STRETCHES[look.stretch];
  const table = new Uint8ClampedArray(256);
  for (let value = 0; value < 256; value += 1) {
    const x = high > low ? (value - low) / (high - low) : Number(value > low);
    // DS9's bias and contrast: x = bias becomes mid-grey, and contrast is the slope there.
    const y = (stretch(Math.min(Math.max(x, 0), 1)) - (1 - look.brightness)) * look.contrast + 0.5;
    table[value] = 255 * (look.invert ? 1 - y : y);
  }
  return table;
}

// What an image's look puts at black and at white. `histogram` counts the image's 256 values.
export function limitsOf(limits, histogram) {
  if (limits === "full") return [0, 255];
  const total = histogram.reduce((sum, count) => sum + count, 0);
  if (!total) return [0, 255];
  const [low, high] = limits === "zscale" ? zscale(quantiles(histogram, total)) : percentiles(histogram, total, Number(limits));
  return high > low ? [low, high] : extremes(histogram);
}

// The central `share` per cent: values that occur, the next one outwards.
function percentiles(histogram, total, share) {
  const tail = ((100 - share) / 200) * (total - 1);
  return [valueAt(histogram, Math.floor(tail)), valueAt(histogram, Math.ceil(total - 1 - tail))];
}

function extremes(histogram) {
  const low = histogram.findIndex((count) => count > 0);
  const high = histogram.findLastIndex((count) => count > 0);
  return high > low ? [low, high] : [0, 255];
}

// The value that is number `rank`, from 0, of the sorted pixels.
function valueAt(histogram, rank) {
  let seen = 0;
  for (let value = 0; value < 256; value += 1) {
    seen += histogram[value];
    if (seen > rank) return value;
  }
  return 255;
}

// At most 1,000 of the sorted pixels, evenly spaced, as IRAF samples an image.
function quantiles(histogram, total) {
  const size = Math.min(total, 1000);
  const samples = new Float64Array(size);
  let value = 0;
  let seen = histogram[0];
  for (let sample = 0; sample < size; sample += 1) {
    const rank = Math.floor((sample * total) / size);
    while (seen <= rank) seen += histogram[(value += 1)];
    samples[sample] = value;
  }
  return samples;
}

// IRAF's zscale with its defaults (contrast 0.25): a line through the sorted pixels around their median, from
// which outliers (2.5 sigma) are rejected five times, its slope made steeper by the contrast.
export function zscale(samples) {
  const size = samples.length;
  const [lowest, highest] = [samples[0], samples[size - 1]];
  const minimum = Math.max(5, Math.trunc(size * 0.5));
  const grown = Math.max(1, Math.trunc(size * 0.01));
  let bad = new Uint8Array(size);
  let good = size;
  let last = size + 1;
  let slope = 0;
  for (let iteration = 0; iteration < 5 && good < last && good >= minimum; iteration += 1) {
    const fit = line(samples, bad);
    slope = fit.slope;
    last = good;
    bad = grow(bad.map((isBad, i) => (isBad || Math.abs(samples[i] - fit.intercept - slope * i) > 2.5 * fit.sigma ? 1 : 0)), grown);
    good = size - bad.reduce((sum, isBad) => sum + isBad, 0);
  }
  if (good < minimum) return [lowest, highest];
  slope /= 0.25;
  const middle = Math.floor((size - 1) / 2);
  const median = (samples[middle] + samples[Math.ceil((size - 1) / 2)]) / 2;
  return [Math.max(lowest, median - (middle - 1) * slope), Math.min(highest, median + (size - middle) * slope)];
}

// Least squares through the samples that are not bad, and the scatter of these about it.
function line(samples, bad) {
  let [n, sx, sy, sxx, sxy] = [0, 0, 0, 0, 0];
  samples.forEach((y, x) => {
    if (bad[x]) return;
    n += 1;
    sx += x;
    sy += y;
    sxx += x * x;
    sxy += x * y;
  });
  const slope = (n * sxy - sx * sy) / (n * sxx - sx * sx || 1);
  const intercept = (sy - slope * sx) / n;
  let [sum, squares] = [0, 0];
  samples.forEach((y, x) => {
    if (bad[x]) return;
    const residual = y - intercept - slope * x;
    sum += residual;
    squares += residual * residual;
  });
  return { slope, intercept, sigma: Math.sqrt(Math.max(0, squares / n - (sum / n) ** 2)) };
}

// Neighbours of a rejected sample are rejected with it.
function grow(bad, width) {
  const grown = new Uint8Array(bad.length);
  const before = Math.floor((width - 1) / 2);
  bad.forEach((isBad, i) => {
    if (isBad) grown.fill(1, Math.max(0, i - before), Math.min(bad.length, i - before + width));
  });
  return grown;
}
