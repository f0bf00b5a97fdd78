// Looking: stretch, contrast, bands and colour map of the cards, in the browser alone.

import { CardPainter } from "./cardpainter.js";
import { LookControls } from "./lookcontrols.js";
import { dragLook } from "./lookdrag.js";
import { looksOf } from "./looks.js";
import { NativeRows } from "./nativerows.js";

// The keys of a look; `shown` gives the image they may act on.
export function lookActionsFor(shown) {
  const change = (changes) => (view) => {
    const looks = looksOf(view.desk);
    const id = shown(view);
    looks.change(changes(looks.of(id)), looks.target(id));
  };
  const brighter = (step) => ({ brightness }) => ({ brightness: Math.min(Math.max(brightness + step, 0), 1) });
  const steeper = (factor) => ({ contrast }) => ({ contrast: Math.min(Math.max(contrast * factor, 0.1), 10) });
  const group = "Look";
  return [
    { name: "darker", keys: ["["], title: "darker", group, repeats: true, run: change(brighter(-0.05)) },
    { name: "brighter", keys: ["]"], title: "brighter", group, repeats: true, run: change(brighter(0.05)) },
    { name: "less contrast", keys: ["{"], title: "less contrast", group, repeats: true, run: change(steeper(0.8)) },
    { name: "more contrast", keys: ["}"], title: "more contrast", group, repeats: true, run: change(steeper(1.25)) },
    { name: "invert", keys: ["I"], title: "invert", group, run: change(({ invert }) => ({ invert: !invert })) },
    {
      name: "original look", keys: ["0"], title: "original look", group,
      run: (view) => {
        const looks = looksOf(view.desk);
        looks.reset(looks.target(shown(view)));
      },
    },
  ];
}

export const lookActions = lookActionsFor((view) => view.activeId);

// Gives a view its look controls.
export function addLooking(view) {
  const looks = looksOf(view.desk);
  const painter = new CardPainter(view, looks);
  const native = looks.native ? new NativeRows(view.desk) : null;
  const controls = new LookControls(looks, () => view.activeId, () => view.focus(), native);
  view.toolbar.append(view.keyButton("close-up"), controls.root);
  const schedule = () => painter.schedule();
  looks.listeners.add(schedule);
  view.onPage(() => {
    painter.turn();
    controls.refresh();
  });
  dragLook(view.grid, looks, (event) => {
    const picture = event.target.closest(".am-picture");
    if (!picture || event.button !== 0 || event.altKey || event.ctrlKey || event.metaKey) return undefined;
    const { id } = view.cards.find((card) => card.picture === picture).card;
    return event.shiftKey ? id : looks.target(id);
  }, () => keepPlace(view));
  view.endings.push(() => {
    looks.listeners.delete(schedule);
    painter.close();
    controls.close();
  });
}

// A press on a card moves the ring and may select; a drag turns out to be neither. Gives what undoes it.
function keepPlace(view) {
  const { active, anchor } = view;
  const selected = [...view.desk.selection.ids];
  return () => {
    view.activate(active);
    view.anchor = anchor;
    view.desk.selection.set(selected);
  };
}
