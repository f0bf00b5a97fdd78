// A line drawn around points by hand.

import { svg } from "../shared/elements.js";

const STEP = 4; // px between corners; a lasso then has some hundred

export class Lasso {
  // `done` is given the corners, in pixels of the frame.
  constructor(frame, done) {
    this.frame = frame;
    this.done = done;
    this.armed = false; // whether a plain drag draws, too
    this.drawing = false;
    this.line = svg("polygon", { class: "am-lasso" });
    this.layer = svg("svg", { class: "am-lasso-layer", "aria-hidden": "true" }, this.line);
    frame.append(this.layer);
  }

  begin(event, start) {
    this.drawing = true;
    const corners = [start];
    const move = (moving) => {
      const box = this.frame.getBoundingClientRect();
      const corner = [moving.clientX - box.left, moving.clientY - box.top];
      const last = corners.at(-1);
      if (Math.hypot(corner[0] - last[0], corner[1] - last[1]) < STEP) return;
      corners.push(corner);
      this.line.setAttribute("points", corners.map((pair) => pair.join(",")).join(" "));
    };
    const end = (ending) => {
      this.frame.removeEventListener("pointermove", move);
      for (const name of ["pointerup", "pointercancel"]) this.frame.removeEventListener(name, end);
      this.drawing = false;
      this.line.setAttribute("points", "");
      if (ending.type === "pointerup") this.done(corners);
    };
    this.frame.setPointerCapture(event.pointerId);
    this.frame.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) this.frame.addEventListener(name, end);
  }
}
