// Finding: what is listed, in what order, how much of it is labelled, and the way back.

import { element, quietButton } from "../shared/elements.js";
import { openFilters } from "./filters.js";
import { LABELS } from "../shared/labels.js";
import { whole } from "../shared/numbers.js";

const VIEWS = ["to label", "labelled", "audit", "disagreements", "unreadable"];
const ELSEWHERE = { find: "search", similar: "more like this", "same place": "same place", list: "a choice" }; // shown in the menu, not to choose
const ASIDE = ["audit", "similar", "same place", "list"]; // have an order of their own
const MARKS = [...Object.entries(LABELS).map(([name, { mark }]) => [name, mark]), ["unlabelled", "○"]];

const FOLDED = "These match, too, but lie at the same place on the sky as an image further up, or as one labelled anomaly or nominal, "
  + "as when an object was cut out twice, or seen at several epochs. One card stands for all of them. Click to list all such places.";

export const findingActions = [
  {
    name: "search", keys: ["/"], title: "search in the names", group: "Find",
    run: (view) => view.root.querySelector(".am-search").select(),
  },
  {
    name: "same place", keys: ["D"], title: "all images at the place of this one", group: "Find",
    run: (view) => view.activeId && view.desk.command("same place", { id: view.activeId }),
  },
  { name: "back", keys: ["B"], title: "back to the list", group: "Find", run: (view) => goBack(view) },
  {
    name: "label all", keys: ["L"], title: "label all that are listed", group: "Find",
    run: (view) => openLabelAll(view),
  },
];

// Back to the list one came from; gives whether there is one.
export function goBack(view) {
  const { back } = view.desk.model.get("finding");
  if (back) view.desk.command("back");
  return Boolean(back);
}

// Change the query by some of its values.
export function findBy(view, change) {
  view.desk.command("find", { change });
  view.focus();
}

// Gives a view its row of controls.
export function attachFinding(view) {
  const row = new FindingRow(view);
  view.toolbar.after(row.root);
  view.listenTo("change:finding", () => row.draw());
  row.draw();
}

class FindingRow {
  constructor(view) {
    this.view = view;
    this.root = element("div", "am-finding", { role: "toolbar", "aria-label": "what is listed" });
    this.back = view.button("back", "am-back");
    this.back.append("‹ Back ", element("kbd", "", { textContent: "B" }));
    this.views = this.choice("view", VIEWS, (name) => view.desk.command("view", { view: name }));
    for (const [value, textContent] of Object.entries(ELSEWHERE)) {
      this.views.append(element("option", "", { value, textContent, hidden: true, disabled: true }));
    }
    this.search = this.searchField();
    this.sort = this.choice("order", view.desk.model.get("orders"), (sort) => findBy(view, { sort }));
    this.sort.classList.add("am-sort");
    this.reverse = this.toggle("⇅", "the other way round", ({ reverse }) => ({ reverse: !reverse }));
    this.chips = MARKS.map(([name, mark]) => [name, this.chip(name, mark)]);
    this.filter = element("button", "am-find-button", { type: "button", "aria-haspopup": "dialog" });
    this.filter.addEventListener("click", () => openFilters(view));
    this.counts = element("span", "am-tally", { role: "status" });
    this.folded = quietButton("am-find-button am-folded", { title: FOLDED }, () => view.desk.command("same place"));
    this.all = view.button("label all", "am-find-button");
    const chips = element("span", "am-chips", { role: "group", "aria-label": "show only these labels" });
    chips.append(...this.chips.map(([, chip]) => chip));
    this.root.append(this.back, this.views, this.search, this.sort, this.reverse, chips, this.filter, this.counts, this.folded, this.all);
  }

  get query() {
    return this.view.desk.model.get("finding").query;
  }

  searchField() {
    const field = element("input", "am-search", {
      type: "search", placeholder: "Search /", "aria-label": "search in the names: Enter finds, Escape leaves",
      spellcheck: false, autocomplete: "off",
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") findBy(this.view, { text: field.value });
      else if (event.key === "Escape") {
        // Chromium would empty the field; what is shown is what was searched for.
        event.preventDefault();
        event.stopPropagation();
        field.value = this.query.text;
        this.view.focus();
      }
    });
    field.addEventListener("input", () => {
      if (!field.value && this.query.text) findBy(this.view, { text: "" });
    });
    return field;
  }

  choice(name, values, choose) {
    const select = element("select", "am-select", { title: name, "aria-label": name });
    for (const value of values) select.append(element("option", "", { value, textContent: value }));
    select.addEventListener("change", () => {
      choose(select.value);
      // Or else the next A would be a letter typed into the list of choices.
      this.view.focus();
    });
    return select;
  }

  toggle(text, title, change) {
    const clicked = () => findBy(this.view, change(this.query));
    return quietButton("am-chip", { title, "aria-label": title, textContent: text }, clicked);
  }

  chip(name, mark) {
    const chip = this.toggle(mark, `only ${name}`, ({ labels }) => ({
      labels: labels.includes(name) ? labels.filter((other) => other !== name) : [...labels, name],
    }));
    chip.classList.add(`am-${name}`);
    return chip;
  }

  draw() {
    const { view, query, counts, remaining, folded, back } = this.view.desk.model.get("finding");
    if (!query) return;
    this.back.hidden = !back;
    this.back.title = `back to: ${back} (B)`;
    this.views.value = view;
    this.root.classList.toggle("am-aside", ASIDE.includes(view));
    if (document.activeElement !== this.search) this.search.value = query.text;
    this.sort.value = query.sort;
    press(this.reverse, query.reverse);
    for (const [name, chip] of this.chips) press(chip, query.labels.includes(name));
    const filters = [query.score, query.cone, query.disagreements, query.unreadable, query.ids !== null, ...Object.keys(query.columns)];
    const used = filters.filter(Boolean).length;
    this.filter.textContent = used ? `Filter (${used}) …` : "Filter …";
    this.filter.classList.toggle("am-pressed", used > 0);
    this.counts.replaceChildren(`${whole(counts.images)} match`);
    for (const [name, mark] of MARKS) {
      if (!counts[name]) continue;
      const count = element("span", `am-${name}`, { title: `${whole(counts[name])} ${name}` });
      count.append(`${whole(counts[name])} `, element("span", "am-tally-mark", { textContent: mark, role: "img", "aria-label": name }));
      this.counts.append(" · ", count);
    }
    this.folded.textContent = `+${whole(folded)} at the same place`;
    this.folded.hidden = !folded;
    this.all.textContent = `Label ${whole(remaining)} …`;
    this.all.disabled = !remaining;
  }
}

function press(button, pressed) {
  button.classList.toggle("am-pressed", pressed);
  button.setAttribute("aria-pressed", String(pressed));
}

// Ask which label all that is listed gets; no more is asked, because one undo takes it back.
function openLabelAll(view) {
  // The list that is counted here: the kernel labels no other, whatever comes while the dialog is open.
  const { remaining, replaces, listing } = view.desk.model.get("finding");
  if (!remaining) {
    view.desk.say("Nothing listed here is left to label.");
    return;
  }
  const label = (name) => {
    view.closeOverlay();
    view.desk.touch();
    view.desk.commit({ kind: "label matching", label: name, listing });
  };
  const actions = Object.entries(LABELS).map(([name, { key }]) => ({
    name, keys: [key.toUpperCase()], title: name, run: () => label(name),
  }));
  const node = element("div", "am-dialog");
  const title = `Label all ${whole(remaining)} that are listed`;
  const buttons = element("div", "am-dialog-buttons");
  for (const [name, { mark, key }] of Object.entries(LABELS)) {
    const button = element("button", `am-key-button am-${name}`, { type: "button" });
    button.append(element("kbd", "", { textContent: `${mark} ${key.toUpperCase()}` }), ` ${name}`);
    button.addEventListener("click", () => label(name));
    buttons.append(button);
  }
  node.append(element("h2", "am-dialog-title", { textContent: title }), buttons);
  const replaced = replaces ? ` ${whole(replaces)} of them have a label, which it replaces.` : "";
  const note = `On all pages, as one action: Z takes it back.${replaced} Esc leaves.`;
  node.append(element("p", "am-dialog-note", { textContent: note }));
  view.overlay(node, { label: title, actions });
}
