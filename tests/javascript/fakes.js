// What scripts of the page find around them in a browser: the model of a widget, a window, storage.

export class Model {
  constructor(state = {}) {
    this.state = { selection: [], page: { cards: [] }, ...state };
    this.sent = []; // messages to the kernel
    this.saves = 0; // how often traits went to the kernel
    this.listeners = new Map();
  }

  get(name) {
    return this.state[name];
  }

  set(name, value) {
    this.state[name] = value;
  }

  save_changes() {
    this.saves += 1;
  }

  on(event, callback) {
    if (!this.listeners.has(event)) this.listeners.set(event, new Set());
    this.listeners.get(event).add(callback);
  }

  off(event, callback) {
    this.listeners.get(event)?.delete(callback);
  }

  send(message) {
    this.sent.push(message);
  }

  // What the kernel does: a message to the page, or another value of a trait.
  tell(message, buffers) {
    for (const callback of this.listeners.get("msg:custom") ?? []) callback(message, buffers);
  }

  change(name, value) {
    this.set(name, value);
    for (const callback of this.listeners.get(`change:${name}`) ?? []) callback();
  }
}

class Storage {
  constructor() {
    this.kept = new Map();
  }

  getItem(key) {
    return this.kept.get(key) ?? null;
  }

  setItem(key, value) {
    this.kept.set(key, value);
  }

  removeItem(key) {
    this.kept.delete(key);
  }

  get length() {
    return this.kept.size;
  }

  key(place) {
    return [...this.kept.keys()][place] ?? null;
  }
}

// Put a window with empty storage around the scripts.
export function openWindow() {
  globalThis.window = Object.assign(new EventTarget(), { devicePixelRatio: 1, innerWidth: 1280 });
  for (const name of ["localStorage", "sessionStorage"]) {
    Object.defineProperty(globalThis, name, { value: new Storage(), configurable: true, writable: true });
  }
}
