// The look of the page, and of single images that have one of their own. The browser remembers both: the
// page's for good, those of single images until its tab is closed.

import { ORIGINAL_LOOK, asLook, isOriginal } from "./stretch.js";

const PAGE_LOOK = "anomalymatch.look";
const NATIVE_LOOK = "anomalymatch.native-look"; // of images whose stretch and bands act on native values
const OWN_LOOKS = "anomalymatch.looks";
const OWN_LOOKS_KEPT = 200;

export class Looks {
  // `native`: stretch, limits and bands are chosen on native values (nativerows.js), and no part of a look.
  constructor(native = false) {
    this.native = native;
    this.key = native ? NATIVE_LOOK : PAGE_LOOK;
    const kept = recall(() => localStorage, this.key) ?? {};
    this.page = this.asLook(kept.page);
    this.scripted = kept.scripted ?? null; // what a script asked for last
    this.own = new Map((recall(() => sessionStorage, OWN_LOOKS) ?? []).map(([id, look]) => [id, this.asLook(look)]));
    this.onlyOne = false; // whether controls and keys act on one image alone
    this.listeners = new Set();
  }

  asLook(values) {
    if (!this.native) return asLook(values);
    const { stretch, limits, bands } = ORIGINAL_LOOK;
    return asLook({ ...values, stretch, limits, bands });
  }

  // The object is another one whenever the look is.
  of(id) {
    return this.own.get(id) ?? this.page;
  }

  // What keys and controls act on while an image is shown: its own look, if it has or shall have one, or else
  // the page's, null.
  target(id) {
    return id !== null && (this.onlyOne || this.own.has(id)) ? id : null;
  }

  get original() {
    return isOriginal(this.page) && !this.own.size;
  }

  // Change the look of one image, or of the page where `id` is null.
  change(changes, id = null) {
    if (id === null) {
      this.page = this.asLook({ ...this.page, ...changes });
    } else {
      const look = this.asLook({ ...this.of(id), ...changes });
      this.own.delete(id); // so that the newest come last
      this.own.set(id, look);
      while (this.own.size > OWN_LOOKS_KEPT) this.own.delete(this.own.keys().next().value);
    }
    this.tell();
  }

  // Give one image the page's look again; without `id`, everything the original one.
  reset(id = null) {
    if (id === null) {
      this.page = ORIGINAL_LOOK;
      this.own.clear();
    } else {
      this.own.delete(id);
    }
    this.tell();
  }

  // Take over what a script has set, once: what a person changes afterwards stays over a reload.
  script(look) {
    const scripted = JSON.stringify(look);
    if (!look || scripted === this.scripted) return;
    this.scripted = scripted;
    this.page = this.asLook(look);
    this.own.clear();
    this.tell();
  }

  tell() {
    remember(() => localStorage, this.key, { page: this.page, scripted: this.scripted });
    remember(() => sessionStorage, OWN_LOOKS, [...this.own]);
    for (const listener of this.listeners) listener();
  }
}

// A browser may forbid a page to remember anything; then a look lasts until a reload.
function recall(storage, key) {
  try {
    return JSON.parse(storage().getItem(key));
  } catch (error) {
    console.warn("anomalymatch: the look was not remembered,", error.message);
    return null;
  }
}

function remember(storage, key, value) {
  try {
    storage().setItem(key, JSON.stringify(value));
  } catch (error) {
    console.warn("anomalymatch: the look will not be remembered,", error.message);
  }
}

// Whether the images hold native values to stretch, and not the 8 bits of pictures.
export function isNative(desk) {
  return Object.keys(desk.model.get("native") ?? {}).length > 0;
}

const DESK_LOOKS = new WeakMap();

// The looks of a desk: all its views show the same.
export function looksOf(desk) {
  if (!DESK_LOOKS.has(desk)) {
    const looks = new Looks(isNative(desk));
    looks.script(desk.model.get("look"));
    desk.model.on("change:look", () => looks.script(desk.model.get("look")));
    DESK_LOOKS.set(desk, looks);
  }
  return DESK_LOOKS.get(desk);
}
