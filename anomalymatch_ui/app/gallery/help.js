// The list of keys, from the table of actions.

import { element } from "../shared/elements.js";
import { writtenKey } from "../shared/keys.js";
import { LABELS } from "../shared/labels.js";
import { closeupKeys } from "../closeup/zoom.js";

const BY_MOUSE = [
  ["Shift+click", "select up to there"], ["Ctrl+click", "select or drop one"],
  ["drag on an image", "brightness and contrast, of one image with Shift"], ["double click on an image", "close-up"],
  ["drag the background", "select what the band touches; on images with Alt"],
];

export const helpActions = [
  { name: "help", keys: ["?"], title: "list of keys", group: "Help", bar: true, run: (view) => showHelp(view) },
];

function showHelp(view) {
  const close = element("button", "am-close", { type: "button", textContent: "✕", "aria-label": "close" });
  close.addEventListener("click", () => view.closeOverlay());
  const sheet = element("div", "am-help");
  const groups = [...groupsOf([...view.actions.all, ...closeupKeys(view.desk)]), ["Mouse", BY_MOUSE]];
  const columns = element("div", "am-help-columns", {}, ...groups.map(([heading, rows]) => section(heading, rows)));
  sheet.append(close, element("h2", "am-help-title", { textContent: "Keys" }), columns);
  const toggle = { name: "close help", keys: ["?", "Escape"], title: "close", group: "Help", run: () => view.closeOverlay() };
  view.overlay(sheet, { label: "Keys", actions: [toggle] });
}

// By heading, [keys, what they do] for each line.
function groupsOf(actions) {
  const groups = new Map();
  for (const { group, keys, title, row } of actions) {
    if (!keys.length) continue;
    if (!groups.has(group)) groups.set(group, []);
    const lines = groups.get(group);
    const written = keys.map(writtenKey).join("  ");
    const mark = LABELS[title] ? `${LABELS[title].mark} ` : "";
    if (row && lines.at(-1)?.[1] === row) lines.at(-1)[0] += ` ${written}`;
    else lines.push([written, row ?? mark + title]);
  }
  return groups;
}

function section(heading, rows) {
  const list = element("dl", "am-help-keys");
  for (const [keys, title] of rows) {
    const term = element("dt", "");
    term.append(element("kbd", "", { textContent: keys }));
    list.append(term, element("dd", "", { textContent: title }));
  }
  const part = element("section", "am-help-group");
  part.append(element("h3", "", { textContent: heading }), list);
  return part;
}
