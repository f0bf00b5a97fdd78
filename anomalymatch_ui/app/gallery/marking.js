// Tags with the keys 1 to 9, a note, a star and an interest an image: given by keys, kept in the journal, undone like
// labels.

import { element } from "../shared/elements.js";

const KEYS = 9;
const INTERESTS = [0, 1, 2, 3, 4, 5];

export const markActions = [
  ...Array.from({ length: KEYS }, (_, at) => ({
    name: `tag ${at + 1}`, keys: [String(at + 1)], title: `tag ${at + 1}`, group: "Tags and notes", row: "give or take a tag",
    run: (view) => tagSelection(view, at),
  })),
  { name: "tags", keys: ["G"], title: "name the tags", group: "Tags and notes", run: (view) => openTags(view) },
  { name: "note", keys: ["O"], title: "write a note on this image", group: "Tags and notes", run: (view) => openNote(view) },
  { name: "favourite", keys: ["S"], title: "star: make it a favourite, or no longer", group: "Tags and notes", run: (view) => starSelection(view) },
  { name: "interest", keys: ["E"], title: "how interesting it is, 0 to 5", group: "Tags and notes", run: (view) => openInterest(view) },
];

function tagSelection(view, at) {
  const { desk } = view;
  const name = desk.model.get("tags")[at];
  if (!name) {
    openTags(view, at);
    return;
  }
  const ids = view.chosenIds();
  if (!ids.length) return;
  // All of them get it, unless all have it.
  const on = !ids.every((id) => desk.state(id).tags.includes(name));
  desk.touch();
  desk.commit({ kind: "tag", ids, tag: name, on });
  desk.tell("labels");
  if (ids.length > 1) desk.say(`${ids.length} images ${on ? "have the tag" : "lost the tag"} ${name}. Z takes it back.`);
}

function starSelection(view) {
  const { desk } = view;
  const ids = view.chosenIds();
  if (!ids.length) return;
  const on = !ids.every((id) => desk.state(id).favourite);
  desk.touch();
  desk.commit({ kind: "favourite", ids, on });
  desk.tell("labels");
  if (ids.length > 1) desk.say(`${ids.length} images are ${on ? "favourites" : "no longer favourites"}. Z takes it back.`);
}

// One key says how interesting the image with the ring is, or those selected.
function openInterest(view) {
  const { desk } = view;
  const ids = view.chosenIds();
  if (!ids.length) return;
  const give = (value) => {
    view.closeOverlay();
    desk.touch();
    desk.commit({ kind: "interest", ids, value });
    desk.tell("labels");
  };
  const choices = [...INTERESTS.map((value) => [String(value), value]), ["Backspace", null]];
  const actions = choices.map(([key, value]) => ({ name: key, keys: [key], title: key, run: () => give(value) }));
  const node = element("div", "am-dialog");
  const title = ids.length === 1 ? `How interesting is ${ids[0].split("/").at(-1)}?` : `How interesting are these ${ids.length} images?`;
  const buttons = element("div", "am-dialog-buttons");
  const now = ids.length === 1 ? desk.state(ids[0]).interest : null;
  for (const [key, value] of choices) {
    const pressed = value !== null && value === now;
    const button = element("button", `am-find-button${pressed ? " am-pressed" : ""}`, { type: "button", textContent: value ?? "⌫ none" });
    button.setAttribute("aria-pressed", String(pressed));
    button.setAttribute("aria-keyshortcuts", key);
    button.addEventListener("click", () => give(value));
    buttons.append(button);
  }
  const note = "From 0, not at all, to 5, the most. Press a key from 0 to 5, or ⌫ to clear it; Esc cancels. Z undoes it later.";
  node.append(element("h2", "am-dialog-title", { textContent: title }), buttons, element("p", "am-dialog-note", { textContent: note }));
  view.overlay(node, { label: title, actions });
}

// A field for the name of each key; Enter keeps them, and Escape leaves.
function openTags(view, at = 0) {
  const form = element("form", "am-dialog am-filters", { noValidate: true, autocomplete: "off" });
  form.append(element("h2", "am-dialog-title", { textContent: "Tags" }));
  const names = view.desk.model.get("tags");
  const fields = Array.from({ length: KEYS }, (_, key) => {
    const field = element("input", "am-words", { type: "text", maxLength: 40, value: names[key] ?? "" });
    const row = element("label", "am-filter-row am-tag-row");
    row.append(element("kbd", "", { textContent: key + 1 }), field);
    form.append(row);
    return field;
  });
  const buttons = element("div", "am-dialog-buttons");
  buttons.append(element("button", "am-find-button am-pressed", { type: "submit", textContent: "Keep ⏎" }));
  const note = "Keys 1 to 9 give the image with the ring, or those selected, a tag or take it away. Images keep tags that no longer have a key.";
  form.append(buttons, element("p", "am-dialog-note", { textContent: note }));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const given = fields.map((field) => field.value.trim()).filter(Boolean);
    try {
      await view.desk.ask({ kind: "name tags", names: given });
      view.closeOverlay();
    } catch (error) {
      form.lastElementChild.textContent = error.message;
    }
  });
  view.overlay(form, { label: "Tags" });
  fields[Math.min(at, names.length)].focus();
}

// The note of the image with the ring. Nothing typed is lost: it is kept however the dialog is left.
function openNote(view) {
  const id = view.activeId;
  if (!id || view.turning) return;
  const { desk } = view;
  const before = desk.state(id).note;
  const node = element("div", "am-dialog am-note");
  const title = `Note on ${id.split("/").at(-1)}`;
  const field = element("textarea", "am-words", { value: before, maxLength: 2000, rows: 5, "aria-label": title });
  const done = element("button", "am-find-button am-pressed", { type: "button", textContent: "Keep" });
  done.addEventListener("click", () => view.closeOverlay());
  const buttons = element("div", "am-dialog-buttons");
  buttons.append(done);
  node.append(element("h2", "am-dialog-title", { textContent: title }), field, buttons);
  node.append(element("p", "am-dialog-note", { textContent: "Esc saves it, too. Clear the text to delete the note; Z takes that back." }));
  const closed = () => {
    const text = field.value.trim();
    if (text === before) return;
    desk.touch();
    desk.commit({ kind: "note", ids: [id], text });
    desk.tell("labels");
  };
  view.overlay(node, { label: title, closed });
  field.focus();
}
