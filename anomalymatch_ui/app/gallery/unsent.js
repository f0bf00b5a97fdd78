// What waits for the disk, kept in this browser as well: where a kernel ends before it has answered, the next one
// is given it. Keys are of one session and person, so that nobody's labels go to another session.
//
// A page that is there holds a lock of the browser, which is let go of when the page ends, however it ends. Where a
// browser has none, as of a page that is served without HTTPS by another machine, the page says again and again that
// it is there; one that is hidden may say so once a minute only, and then counts as gone.

const UNSENT = "anomalymatch.unsent";
const THERE = "anomalymatch.there"; // then the front end: when its page was last there
const HELD = "held"; // instead of that time, where the page holds a lock
const ABSENT = 5000; // ms after which a page that has not said that it is there counts as gone

let refused = false; // by storage: said once, for it is tried four times a second

// Storage may be refused (a private window, a full disk); then labels wait as long as their page does.
function attempt(what, otherwise = null) {
  try {
    return what();
  } catch (error) {
    if (!refused) console.warn("anomalymatch: labels cannot be kept in this browser,", error.message);
    refused = true;
    return otherwise;
  }
}

function keysOf(prefix) {
  const keys = Array.from({ length: localStorage.length }, (_, place) => localStorage.key(place));
  return keys.filter((key) => key.startsWith(prefix));
}

export class Unsent {
  // `session` says of which session and person; without it nothing is kept.
  constructor(session, frontend) {
    this.frontend = frontend;
    this.prefix = session ? `${UNSENT}.${session}.` : "";
    this.letGo = null; // of the lock
    this.isThere();
  }

  key({ frontend, commit }) {
    return `${this.prefix}${frontend}.${commit}`;
  }

  // Return whether the message will be there for the next page.
  keep(message) {
    if (!this.prefix) return false;
    return attempt(() => {
      localStorage.setItem(this.key(message), JSON.stringify(message));
      return true;
    }, false);
  }

  drop(message) {
    if (this.prefix) attempt(() => localStorage.removeItem(this.key(message)));
  }

  // Say that this page is there, so that another one leaves it what it sends.
  isThere() {
    if (!this.prefix || this.letGo) return;
    this.hold();
    const said = this.letGo ? HELD : String(Date.now());
    attempt(() => localStorage.setItem(`${THERE}.${this.frontend}`, said));
  }

  hold() {
    const locks = globalThis.navigator?.locks;
    if (!locks) return;
    const held = new Promise((resolve) => { this.letGo = () => resolve(null); });
    locks.request(`${THERE}.${this.frontend}`, () => held).catch((error) => {
      console.warn("anomalymatch: this page cannot hold a lock,", error.message);
    });
  }

  leave() {
    if (!this.prefix) return;
    attempt(() => localStorage.removeItem(`${THERE}.${this.frontend}`));
    this.letGo?.();
    this.letGo = null;
  }

  // What pages that are gone have left, in the order in which it was given, as a promise; each page has its own.
  async left() {
    if (!this.prefix) return [];
    const held = await heldLocks();
    return attempt(() => {
      const messages = keysOf(this.prefix).map((key) => parsed(localStorage.getItem(key)));
      const others = messages.filter((message) => message && message.frontend !== this.frontend && isGone(message.frontend, held));
      return others.sort((one, other) => one.given - other.given || one.commit - other.commit);
    }, []);
  }
}

// An entry that something else has damaged hides none of the others.
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// Names of the locks that pages hold, or are about to.
async function heldLocks() {
  const locks = globalThis.navigator?.locks;
  if (!locks) return new Set();
  try {
    const { held, pending } = await locks.query();
    return new Set([...held, ...pending].map(({ name }) => name));
  } catch {
    return new Set(); // as in a frame without an origin, whose storage is refused as well
  }
}

function isGone(frontend, held) {
  const said = localStorage.getItem(`${THERE}.${frontend}`);
  if (said === HELD) return !held.has(`${THERE}.${frontend}`);
  return Date.now() - Number(said ?? 0) > ABSENT;
}

function without(message, since) {
  if (message.kind !== "label" || !message.ids?.some((id) => since.has(id))) return message;
  return { ...message, ids: message.ids.filter((id) => !since.has(id)) };
}

// What of it is to be given again. An undo takes back what was given just before it, and was not sent either; one of
// an earlier label may have been carried out before the kernel ended, and is not repeated. Nor is a label of all that
// was listed: the next kernel knows nothing of that list. `dropped` counts what is not repeated. `since` has the images
// that were labelled since, which stay as they are.
export function toGiveAgain(messages, since = new Map()) {
  const given = [];
  const undone = [];
  let dropped = 0;
  for (const message of messages) {
    if (message.kind === "undo" && given.length) undone.push(given.pop());
    else if (message.kind === "redo" && undone.length) given.push(undone.pop());
    else if (["undo", "redo"].includes(message.kind)) dropped += 1;
    else {
      given.push(message);
      undone.length = 0;
    }
  }
  const known = given.filter(({ kind }) => kind !== "label matching");
  const again = known.map((message) => without(message, since)).filter(({ kind, ids }) => kind !== "label" || !ids || ids.length);
  return { again, dropped: dropped + given.length - known.length };
}
