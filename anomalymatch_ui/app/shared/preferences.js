// What a person chose in this browser, kept between visits.

const PREFIX = "anomalymatch.";
const LARGE_SCREEN = 2600; // CSS pixels, as in large.css

// Storage may be refused (a private window, a full disk); then a choice lasts as long as the page.
const unkept = new Map();

export function preference(name, otherwise = null) {
  try {
    const kept = localStorage.getItem(PREFIX + name);
    if (kept !== null) return JSON.parse(kept);
  } catch (error) {
    console.warn(`anomalymatch: the preference ${name} cannot be read,`, error.message);
  }
  return unkept.get(name) ?? otherwise;
}

export function prefer(name, value) {
  unkept.set(name, value);
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch (error) {
    console.warn(`anomalymatch: the preference ${name} is not kept,`, error.message);
  }
}

// The size of thumbnails on a large screen until somebody chooses one; null leaves it to the kernel.
export function fittingThumbnail() {
  return window.innerWidth >= LARGE_SCREEN ? 256 : null;
}
