// The filters that have no room in the row: score, columns of metadata, disagreement, a choice on the map.

import { element, freshName } from "../shared/elements.js";
import { whole } from "../shared/numbers.js";

// Opens them over the gallery; Enter finds, Escape leaves.
export async function openFilters(view) {
  let columns = [];
  let positions = false;
  try {
    ({ columns, positions } = await view.desk.ask({ kind: "columns" }));
  } catch (error) {
    view.desk.say(error.message, "error");
  }
  const { query } = view.desk.model.get("finding");
  const find = (change) => {
    view.closeOverlay();
    view.desk.command("find", { change });
  };
  const form = new FilterForm(query, { columns, positions }, find, () => view.closeOverlay());
  view.overlay(form.root, { label: "filters" });
  form.root.querySelector("input").focus();
}

class FilterForm {
  constructor(query, { columns, positions }, find, leave) {
    this.fields = [];
    this.root = element("form", "am-dialog am-filters", { noValidate: true, autocomplete: "off" });
    this.root.append(element("h2", "am-dialog-title", { textContent: "Filter" }));
    this.score = this.range("score", query.score, { low: 0, high: 1 });
    if (positions || query.cone) {
      this.cone = this.text("near", query.cone?.join(" "), [], "ra dec radius, in degrees and ″");
    }
    for (const column of columns) this.addColumn(column, query.columns[column.name]);
    // A column that has gone from the table is kept in the query until it is cleared.
    this.disagreements = this.box("annotators disagree", query.disagreements);
    this.unreadable = this.box("cannot be read", query.unreadable);
    if (query.ids !== null) this.chosen = this.box(`the ${whole(query.ids)} chosen`, true);
    const buttons = element("div", "am-dialog-buttons");
    const clear = element("button", "am-find-button", { type: "button", textContent: "Clear all" });
    const cancel = element("button", "am-find-button", { type: "button", textContent: "Cancel" });
    cancel.addEventListener("click", leave);
    const submit = element("button", "am-find-button am-pressed", { type: "submit", textContent: "Find ⏎" });
    clear.addEventListener("click", () => {
      find({ score: null, cone: null, columns: {}, disagreements: false, unreadable: false, ids: null });
    });
    buttons.append(clear, cancel, submit);
    this.root.append(buttons);
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      find(this.change());
    });
  }

  // What is asked for, in the words of a query.
  change() {
    const columns = {};
    for (const [name, value] of this.fields) if (value() !== null) columns[name] = value();
    const change = {
      score: this.score(), columns, disagreements: this.disagreements.checked, unreadable: this.unreadable.checked,
    };
    if (this.cone) change.cone = coneOf(this.cone());
    if (this.chosen && !this.chosen.checked) change.ids = null;
    return change;
  }

  addColumn(column, wanted) {
    if (column.kind === "number") this.fields.push([column.name, this.range(column.name, wanted, column)]);
    else this.fields.push([column.name, this.text(column.name, wanted, column.values)]);
  }

  // Gives a function for [least, greatest], null where both are open.
  range(name, wanted, { low, high }) {
    const [from, to] = [["from", low, wanted?.[0]], ["to", high, wanted?.[1]]].map(([end, known, value]) => element("input", "am-number", {
      type: "number", step: "any", placeholder: known === null ? "" : short(known), value: value ?? "", "aria-label": `${name} ${end}`,
    }));
    const row = element("div", "am-filter-row", { role: "group", "aria-label": name });
    row.append(element("span", "", { textContent: name, title: name }), from, "–", to);
    this.root.append(row);
    return () => {
      const ends = [from, to].map((field) => (Number.isFinite(field.valueAsNumber) ? field.valueAsNumber : null));
      return ends.every((end) => end === null) ? null : ends;
    };
  }

  // Gives a function for the text, null where it is empty.
  text(name, wanted, values, placeholder = values.slice(0, 3).join(", ")) {
    const field = element("input", "am-words", { type: "text", value: wanted ?? "", placeholder });
    if (values.length) {
      const list = element("datalist", "", { id: freshName() });
      for (const value of values) list.append(element("option", "", { value }));
      field.setAttribute("list", list.id);
      this.root.append(list);
    }
    const row = element("label", "am-filter-row");
    row.append(element("span", "", { textContent: name, title: name }), field);
    this.root.append(row);
    return () => field.value || null;
  }

  box(text, checked) {
    const box = element("input", "", { type: "checkbox", checked });
    const row = element("label", "am-filter-box");
    row.append(box, ` ${text}`);
    this.root.append(row);
    return box;
  }
}

// "150.1 -2.2 30" -> [150.1, -2.2, 30]; what is no number stays, and is refused with a sentence.
function coneOf(text) {
  return text === null ? null : text.trim().split(/[\s,;]+/).map((part) => (Number.isFinite(Number(part)) ? Number(part) : part));
}

function short(value) {
  return String(Number(value.toPrecision(4)));
}
