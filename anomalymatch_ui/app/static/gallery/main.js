// The gallery: one page of cards, drawn from one contact sheet.

import { Desk } from "./desk.js";
import { View } from "./view.js";

export default () => {
  let desk = null;
  return {
    initialize({ model }) {
      desk = new Desk(model);
      return () => desk.close();
    },
    render({ el }) {
      const view = new View(desk, el);
      return () => view.close();
    },
  };
};
