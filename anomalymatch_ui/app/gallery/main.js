// The gallery: one page of cards, drawn from one contact sheet.

import { galleryActions } from "./actions.js";
import { emptyRemedy } from "./complete.js";
import { Desk } from "./desk.js";
import { attachFinding, findingActions } from "../finding/finding.js";
import { addFullScreenButton, fullScreenAction } from "./fullscreen.js";
import { helpActions } from "./help.js";
import { attachHints } from "./hints.js";
import { addLooking, lookActions } from "../looking/looking.js";
import { markActions } from "./marking.js";
import { attachPaging } from "./paging.js";
import { attachRubberBand, pickingActions } from "./picking.js";
import { addPicturesButton, pictureActions } from "./pictures.js";
import { View } from "./view.js";
import { addZoom, closeupActions } from "../closeup/zoom.js";

// What can be done, in the order of the list of keys.
const ACTIONS = [
  ...galleryActions, ...markActions, ...pickingActions, ...findingActions, ...closeupActions, ...lookActions, ...pictureActions,
  fullScreenAction, ...helpActions,
];

// Functions given each new view; they add their controls to it.
const PARTS = [attachRubberBand, attachHints, attachPaging, attachFinding, addLooking, addZoom, addPicturesButton,
  addFullScreenButton, emptyRemedy,
];

export default () => {
  let desk = null;
  return {
    initialize({ model }) {
      desk = new Desk(model);
      return () => desk.close();
    },
    render({ el }) {
      const page = document.body;
      if ("voila" in page.dataset) page.classList.add("am-is-the-page");
      const view = new View(desk, el, ACTIONS);
      for (const part of PARTS) part(view);
      return () => {
        view.close();
        if (!desk.views.size) page.classList.remove("am-is-the-page");
      };
    },
  };
};
