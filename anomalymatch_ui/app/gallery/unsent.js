// What waits for the disk, kept in this browser as well: where a kernel ends before it has answered, the next one
// is given it. Keys are of one session and person, so that nobody's labels go to another session.

const UNSENT = "anomalymatch.unsent";
const THERE = "anomalymatch.there"; // then the front end: when its page was last there
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
    if (this.prefix) attempt(() => localStorage.setItem(`${THERE}.${this.frontend}`, String(Date.now())));
  }

  leave() {
    if (this.prefix) attempt(() => localStorage.removeItem(`${THERE}.${this.frontend}`));
  }

  // What pages that are gone have left, in the order in which it was given; each page has its own.
  left() {
    if (!this.prefix) return [];
    return attempt(() => {
      const messages = keysOf(this.prefix).map((key) => parsed(localStorage.getItem(key)));
      const others = messages.filter((message) => message && message.frontend !== this.frontend && isGone(message.frontend));
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

function isGone(frontend) {
  return Date.now() - Number(localStorage.getItem(`${THERE}.${frontend}`) ?? 0) > ABSENT;
}

// What of it is to be given again. An undo takes back what was given just before it, and was not sent either; one of
// an earlier label may have been carried out before the kernel ended, and is not repeated. Nor is a label of all that
// was listed: the next kernel knows nothing of that list. `dropped` counts what is not repeated.
export function toGiveAgain(messages) {
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
  const again = given.filter(({ kind }) => kind !== "label matching");
  return { again, dropped: dropped + given.length - again.length };
}
