// Selecting cards: ranges by Shift, single ones by Ctrl, a rubber band over the background or with Alt.

import { MOVES } from "./actions.js";
import { element } from "../shared/elements.js";
import { goBack } from "../finding/finding.js";

const STILL = 4; // px within which a press is a click

export const pickingActions = [
  ...MOVES.map(([name, key, target]) => ({
    name: `select ${name}`, keys: [`Shift+${key}`], title: `select ${name}`, group: "Select", row: "select up to there",
    repeats: true, run: (view) => extendTo(view, target(view)),
  })),
  {
    name: "select page", keys: ["Ctrl+A"], title: "select the page", group: "Select",
    run: (view) => view.desk.selection.set(view.cards.map(({ card }) => card.id)),
  },
  {
    name: "drop selection", keys: ["Escape"], title: "drop the selection, or go back to the list", group: "Select",
    run: (view) => (view.desk.selection.size ? view.desk.selection.set([]) : goBack(view)),
  },
];

// Select from where the ring was when the selection began to a position.
function extendTo(view, position) {
  if (!view.cards.length) return;
  const end = Math.min(Math.max(position, 0), view.cards.length - 1);
  const start = view.anchor ?? view.active;
  view.desk.touch();
  view.activate(end);
  view.anchor = start;
  const [first, last] = start < end ? [start, end] : [end, start];
  view.desk.selection.set(view.cards.slice(first, last + 1).map(({ card }) => card.id));
}

// A press on a card.
export function pickCard(view, position, event) {
  const onButton = event.target.closest("button");
  if (event.shiftKey && !onButton) extendTo(view, position);
  else if ((event.ctrlKey || event.metaKey) && !onButton) {
    view.desk.touch();
    view.activate(position);
    view.desk.selection.toggle(view.cards[position].card.id);
  } else {
    if (!onButton) view.desk.selection.set([]);
    view.move(position, { keep: true });
  }
}

// Let a rubber band be drawn over the grid.
export function attachRubberBand(view) {
  view.grid.addEventListener("pointerdown", (event) => {
    const onBackground = event.target === view.grid && event.offsetX < view.grid.clientWidth;
    if (event.button !== 0 || !(onBackground || event.altKey)) return;
    // Before the card and the drag on its picture hear of it; the focus comes to the grid all the same.
    event.stopPropagation();
    event.preventDefault();
    view.focus();
    drawBand(view, event);
  }, { capture: true });
}

function drawBand(view, start) {
  const { grid, desk } = view;
  const origin = { x: start.clientX, y: start.clientY + grid.scrollTop };
  const former = start.ctrlKey || start.metaKey ? [...desk.selection.ids] : [];
  const band = element("div", "am-band", { "aria-hidden": "true" });
  let moved = false;

  const draw = (event) => {
    const edges = grid.getBoundingClientRect();
    if (event.clientY > edges.bottom) grid.scrollTop += event.clientY - edges.bottom;
    else if (event.clientY < edges.top) grid.scrollTop -= edges.top - event.clientY;
    const x = [origin.x, event.clientX].sort((a, b) => a - b);
    const y = [origin.y - grid.scrollTop, event.clientY].sort((a, b) => a - b);
    if (!moved && Math.hypot(x[1] - x[0], y[1] - y[0]) < STILL) return;
    if (!moved) view.root.append(band);
    moved = true;
    const inside = view.cards.filter(({ root }) => {
      const card = root.getBoundingClientRect();
      return card.left < x[1] && card.right > x[0] && card.top < y[1] && card.bottom > y[0];
    });
    desk.selection.set([...former, ...inside.map(({ card }) => card.id)]);
    const root = view.root.getBoundingClientRect();
    const top = Math.max(y[0], edges.top);
    Object.assign(band.style, {
      left: `${x[0] - root.left}px`, top: `${top - root.top}px`,
      width: `${x[1] - x[0]}px`, height: `${Math.max(0, Math.min(y[1], edges.bottom) - top)}px`,
    });
  };
  const end = () => {
    grid.removeEventListener("pointermove", draw);
    grid.removeEventListener("pointerup", end);
    grid.removeEventListener("pointercancel", end);
    band.remove();
    desk.touch();
    if (!moved) desk.selection.set([]);
    else if (desk.selection.size) view.activate(view.cards.findIndex(({ card }) => desk.selection.has(card.id)));
  };
  grid.setPointerCapture(start.pointerId);
  grid.addEventListener("pointermove", draw);
  grid.addEventListener("pointerup", end);
  grid.addEventListener("pointercancel", end);
}
