// Paints the cards of a page through their looks.

import { SheetPainter } from "./sheetpainter.js";
import { ORIGINAL_LOOK, isOriginal } from "./stretch.js";

export class CardPainter {
  constructor(view, looks) {
    this.view = view;
    this.looks = looks;
    this.scheduled = 0;
    this.turn();
  }

  // Another page: its cards have just been drawn as they are.
  turn() {
    const { sheet, desk } = this.view;
    this.sheet = sheet && new SheetPainter(sheet, desk.page);
    this.shown = []; // by position: the look that a card is painted with
    this.paint();
  }

  // Paint before the next frame, however often it is asked for until then.
  schedule() {
    this.scheduled ||= requestAnimationFrame(() => this.paint());
  }

  close() {
    cancelAnimationFrame(this.scheduled);
  }

  paint() {
    cancelAnimationFrame(this.scheduled);
    this.scheduled = 0;
    if (!this.sheet) return;
    this.view.cards.forEach((shown, position) => {
      const { card } = shown;
      if (!card?.readable) return;
      const look = this.looks.of(card.id);
      const former = this.shown[position] ?? ORIGINAL_LOOK;
      if (look === former || (isOriginal(look) && isOriginal(former))) return;
      if (isOriginal(look)) shown.place(this.sheet.layout);
      else shown.paint(this.sheet, look);
      this.shown[position] = look;
    });
  }
}
