// A desk (one per model) knows the labels: what the disk has, and what is still on its way there. What a
// card shows is what the disk has, overlaid with what waits.

import { fittingThumbnail, preference } from "../shared/preferences.js";
import { frontendName, sendTo } from "../shared/kernel.js";
import { whole } from "../shared/numbers.js";
import { Questions } from "../shared/questions.js";
import { KernelWatch } from "./kernelwatch.js";
import { Selection } from "./selection.js";
import { toGiveAgain, Unsent } from "./unsent.js";

const PATIENCE = 2000; // ms without an answer after which a label counts as not saved and is sent again
const NOTICED = 500; // ms without an answer after which it is said that labels are being saved
const PAGE_PATIENCE = 3000; // ms; a server's rate limit may drop a page, so it is asked for again

const MARKINGS = ["tag", "note", "favourite", "interest"]; // kinds of messages that say something of an image beside its label

// What is said of an image beside its label when a message has been carried out; of one about something else as it was.
function marksAfter(before = {}, { kind = "", tag = "", on = false, text = "", value = null } = {}) {
  const { tags = [], note = "", favourite = false, interest = null } = before;
  const marks = { tags, note, favourite, interest };
  if (kind === "tag") marks.tags = [...tags.filter((other) => other !== tag), ...(on ? [tag] : [])];
  else if (kind === "note") marks.note = text;
  else if (kind === "favourite") marks.favourite = on;
  else if (kind === "interest") marks.interest = value;
  return marks;
}

export class Desk {
  constructor(model) {
    this.model = model;
    this.frontend = frontendName();
    this.request = 0;
    this.commits = 0; // how many requests were for the disk; the kernel carries them out in this order
    this.saved = new Map(); // image id -> label on disk
    this.marked = new Map(); // image id -> {tags, note, favourite, interest} on disk
    this.given = new Map(); // image id -> label that this desk has given, and not taken back
    this.settled = new Map(); // image id -> last request about it that was answered, while others wait
    this.settledMarks = new Map(); // the same of a tag or the note of an image, and of steps that changed some
    this.pending = new Map(); // request -> {message, sent, late, kept}: what goes to the disk
    this.questions = new Questions(model, PATIENCE);
    this.wanted = null; // the page asked for, until it is there: {number, active, listing, sent}
    this.stamp = "";
    this.sentence = "";
    this.tone = "info";
    this.said = 0; // how often something was said
    this.touched = false;
    this.moves = 0; // what the person has done, counted, so that a late answer does not take the frame back
    this.views = new Set();
    this.selection = new Selection(model, () => this.tell("selection"));
    this.connection = model.widget_manager?.kernel ?? null;
    this.kernel = new KernelWatch(this.connection, () => this.kernelEnded());
    this.unsent = new Unsent(model.get("kept_as"), this.frontend);
    this.readPage();
    model.on("change:page", () => this.readPage());
    model.on("change:offer", () => this.tell("header"));
    model.on("msg:custom", (message) => this.receive(message));
    this.timer = setInterval(() => this.sendAgain(), 250);
    this.guard = (event) => { if (this.wouldLose) event.preventDefault(); };
    this.leave = () => this.unsent.leave();
    window.addEventListener("beforeunload", this.guard);
    window.addEventListener("pagehide", this.leave);
    this.send({
      kind: "hello", pixel_ratio: window.devicePixelRatio || 1,
      page_size: preference("page_size"), thumbnail: preference("thumbnail", fittingThumbnail()),
    });
    this.gaveAgain = this.giveAgain(); // a promise
  }

  close() {
    clearInterval(this.timer);
    this.questions.close();
    window.removeEventListener("beforeunload", this.guard);
    window.removeEventListener("pagehide", this.leave);
    this.kernel.close();
    this.leave();
  }

  kernelEnded() {
    this.questions.end();
    this.leave(); // what a notebook's cell shows when it is run again is to give what waits here
    this.tell("header");
  }

  tell(what, detail) {
    for (const view of this.views) view.heed(what, detail);
  }

  say(sentence, tone = "info") {
    this.sentence = sentence;
    this.tone = tone;
    this.said += 1;
    this.tell("header");
  }

  readPage() {
    const former = this.page;
    this.page = this.model.get("page");
    this.saved = new Map((this.page.cards ?? []).map((card) => [card.id, card.label]));
    this.marked = new Map((this.page.cards ?? []).map(({ id, tags, note, favourite, interest }) => [id, { tags, note, favourite, interest }]));
    this.selection.keepOnly(this.page.cards ?? []);
    const same = former?.listing === this.page.listing && former?.number === this.page.number;
    let active = same ? "stay" : "first";
    if (this.wanted && this.isThere(this.wanted)) {
      if (this.page.listing === this.wanted.listing) active = this.wanted.active;
      this.wanted = null;
    }
    this.tell("page", active);
  }

  // Whether the page that is there is the one asked for, or the nearest there is, or of a list that has come since.
  isThere({ number, listing }) {
    const { page } = this;
    return page.listing !== listing || page.number === number || (number >= page.pages && page.number === page.pages - 1);
  }

  // Take a label of an image that is not on the page.
  learn(id, label) {
    if (!this.saved.has(id)) this.saved.set(id, label);
  }

  // Label, tags and note shown on a card, and how far they are: "saved", "sending" or "late".
  state(id) {
    let label = this.saved.get(id) ?? null;
    let marks = marksAfter(this.marked.get(id));
    let progress = "saved";
    for (const { message, late } of this.pending.values()) {
      if (!message.ids?.includes(id)) continue;
      if (message.kind === "label") label = message.label;
      marks = marksAfter(marks, message);
      progress = late ? "late" : "sending";
    }
    return { label, progress, ...marks };
  }

  label(ids, label) {
    // Who gives the label that somebody else gave before agrees, and that is kept.
    const mine = (id) => label === null || this.given.get(id) === label;
    const changed = ids.filter((id) => this.state(id).label !== label || !mine(id));
    if (changed.length) this.commit({ kind: "label", ids: changed, label });
    for (const id of changed) this.given.set(id, label);
    this.tell("labels");
    const words = label ? `labelled ${label}` : "without a label";
    if (changed.length > 1) this.say(`${changed.length} images are now ${words}. Z takes it back.`);
  }

  // Send what goes to the disk; it is sent again until the answer is there, and carried out once.
  commit(message) {
    const request = ++this.request;
    const sent = { ...message, request, commit: ++this.commits, frontend: this.frontend, given: Date.now() };
    const kept = this.unsent.keep(sent);
    const entry = { message: sent, sent: performance.now(), late: false, kept, moves: this.moves };
    this.pending.set(request, entry);
    this.sentence = "";
    this.send(entry.message);
    this.tell("header"); // which says how much waits for the disk
  }

  // Give this kernel what pages before have left, which theirs had not answered when it ended.
  async giveAgain() {
    const left = await this.unsent.left();
    if (!left.length) return;
    const { again, dropped } = toGiveAgain(left, this.given);
    for (const { kind, ids, label, tag, on, text, value } of again) this.commit({ kind, ids, label, tag, on, text, value });
    for (const message of left) this.unsent.drop(message);
    const what = again.length === 1 ? "1 label or mark was" : `${again.length} labels or marks were`;
    const sentences = [];
    if (again.length) sentences.push(`${what} not saved when the last kernel ended, and went to this one.`);
    if (dropped) sentences.push("What was undone, redone or labelled on all pages just then was not repeated.");
    if (sentences.length) this.say(sentences.join(" "));
  }

  // Whether what waits for the disk would be gone with this page.
  get wouldLose() {
    const waiting = [...this.pending.values()];
    return waiting.length > 0 && !(this.kernel.hasEnded && waiting.every(({ kept }) => kept));
  }

  // Ask something that changes nothing: a promise, as Questions gives it.
  ask(message) {
    return this.questions.ask(message);
  }

  command(name, details = {}) {
    this.touch();
    this.say("");
    this.send({ kind: "command", name, ...details });
  }

  turnTo(number, active = "first") {
    this.wanted = { number, active, listing: this.page.listing, sent: performance.now() };
    this.send({ kind: "page", number, listing: this.page.listing });
  }

  touch() {
    this.moves += 1;
    if (this.touched) return;
    this.touched = true;
    this.send({ kind: "touched" });
  }

  send(message) {
    sendTo(this.model, message);
  }

  sendAgain() {
    if (this.kernel.hasEnded) return;
    this.unsent.isThere();
    const now = performance.now();
    let changed = false;
    for (const entry of this.pending.values()) {
      if (now - entry.sent < PATIENCE) continue;
      entry.late = changed = true;
      entry.sent = now;
      this.send(entry.message);
    }
    if (this.wanted && now - this.wanted.sent > PAGE_PATIENCE) this.turnTo(this.wanted.number, this.wanted.active);
    if (changed) {
      this.tell("labels");
      void this.kernel.ask();
    }
    const connection = this.connection?.connectionStatus;
    if (changed || connection !== this.lastConnection || this.pending.size) {
      this.lastConnection = connection;
      this.tell("header");
    }
  }

  receive(message) {
    if (message.kind === "labels") {
      for (const [id, label] of Object.entries(message.labels)) this.saved.set(id, label);
      this.tell("labels");
    } else if (message.kind === "marks") {
      for (const [id, marks] of Object.entries(message.marks)) this.marked.set(id, marks);
      this.tell("labels");
    } else if (message.kind === "say") {
      this.say(message.sentence, message.tone);
    } else if (message.frontend === this.frontend) {
      if (message.kind === "not kept") this.keepHere(message);
      else if (this.pending.has(message.request)) this.acknowledge(message);
    }
  }

  acknowledge(message) {
    const { message: asked, moves } = this.pending.get(message.request);
    this.pending.delete(message.request);
    this.unsent.drop(asked);
    const isStep = asked.kind === "undo" || asked.kind === "redo";
    if (message.kind === "saved") {
      if (asked.kind === "label") this.settle(asked.ids.map((id) => [id, asked.label]), message.request);
      else if (MARKINGS.includes(asked.kind)) {
        this.settleMarks(asked, message.request);
      } else if (isStep) {
        for (const id of message.marked) this.settledMarks.set(`step ${id}`, message.request);
        this.settle(Object.entries(message.labels), message.request);
        for (const id of Object.keys(message.labels)) this.given.delete(id);
        this.showStep(asked.kind, message, moves);
        if (message.passed_over) this.sayPassedOver(asked.kind, Object.keys(message.labels).length || message.marked.length);
      }
      this.stamp = new Date(message.time).toLocaleTimeString([], { hour12: false });
    } else {
      for (const id of asked.ids ?? []) this.given.delete(id);
      this.say(message.sentence, "error");
    }
    if (!this.pending.size) {
      this.settled.clear();
      this.settledMarks.clear();
    }
    this.tell("labels");
    this.tell("header");
  }

  // The disk refuses, or the session's folder is gone: that may be over soon. What was sent stays and is sent again.
  keepHere({ request, sentence }) {
    const entry = this.pending.get(request);
    if (!entry) return;
    const isNews = !entry.refused && this.sentence !== sentence;
    entry.late = entry.refused = true;
    if (isNews) this.say(sentence, "error");
    this.tell("labels");
  }

  // Labels are on disk. An answer that was lost and given again says nothing of what has been answered since.
  settle(labels, request) {
    for (const [id, label] of labels) {
      if (this.settled.get(id) > request) continue;
      this.saved.set(id, label);
      this.settled.set(id, request);
    }
  }

  // Tags and notes are on disk; as with labels, a late answer says nothing of what has been answered since.
  settleMarks(asked, request) {
    for (const id of asked.ids) {
      const about = `${asked.kind} ${asked.tag ?? ""} ${id}`;
      if (Math.max(this.settledMarks.get(about) ?? 0, this.settledMarks.get(`step ${id}`) ?? 0) > request) continue;
      this.marked.set(id, marksAfter(this.marked.get(id), asked));
      this.settledMarks.set(about, request);
    }
  }

  // Show what an undo or a redo has changed: on this page the frame goes there, unless the person has
  // gone on meanwhile; elsewhere it is said.
  showStep(kind, { labels, marked }, moves) {
    const ids = [...Object.keys(labels), ...marked];
    const position = (this.page.cards ?? []).findIndex((card) => ids.includes(card.id));
    if (position >= 0) {
      if (moves === this.moves) this.tell("activate", position);
      return;
    }
    const [id] = ids;
    const more = ids.length > 1 ? ` and ${ids.length - 1} more` : "";
    const now = marked.length ? "tags, note and stars as they were" : `now ${labels[id] ?? "without a label"}`;
    this.say(`${kind}: ${id.split("/").at(-1)}${more}, ${now}`);
  }

  sayPassedOver(kind, count) {
    const what = `${kind} changed ${count === 1 ? "one label" : `${whole(count)} labels`} from before`;
    const back = kind === "undo" ? "Shift+Z" : "Z";
    this.say(`What you did last was relabelled by somebody else, so it stays; ${what}. ${back} takes that back.`);
  }

  // What the top line says about the disk: [text, kind].
  get safety() {
    if (this.kernel.hasEnded) {
      const kept = [...this.pending.values()].filter((entry) => entry.kept).length;
      const lost = this.pending.size - kept;
      const waits = kept ? `; ${kept} ${kept === 1 ? "label is" : "labels are"} kept here and saved then` : "";
      const goes = lost ? `; this browser keeps nothing, so ${lost} ${lost === 1 ? "label goes" : "labels go"} with the page` : "";
      return [`The kernel has ended. Reload the page, or run its cell again${waits}${goes}`, "error"];
    }
    const late = [...this.pending.values()].filter((entry) => entry.late).length;
    const waiting = `${late} ${late === 1 ? "label is" : "labels are"} kept here and sent again`;
    const status = this.connection?.connectionStatus;
    if (status && status !== "connected") {
      return [`Connection lost${late ? `: ${waiting}` : ""}`, "error"];
    }
    const reason = [...this.pending.values()].some((entry) => entry.refused) ? "the disk refuses" : "no answer";
    if (late) return [`Not saved: ${reason}; ${waiting}`, "error"];
    const oldest = this.pending.values().next().value;
    if (oldest && performance.now() - oldest.sent > NOTICED) return ["saving …", "saving"];
    return this.stamp ? [`saved ${this.stamp}`, "saved"] : ["", "saved"];
  }
}
