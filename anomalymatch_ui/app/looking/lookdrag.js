// A drag changes brightness and contrast as in DS9: to the right darker, up more contrast.

const FULL_RANGE = 400; // CSS pixels from black to white
const TENFOLD = 200; // CSS pixels for ten times the contrast
const THRESHOLD = 4; // CSS pixels; less is a click

// `targetOf(event)` gives the image whose look the drag changes, null for the page's, undefined for none.
// `pressed()` is called before anything else hears of the press; what it gives is called if a drag comes of it.
export function dragLook(node, looks, targetOf, pressed = () => () => {}) {
  let drag = null;
  node.addEventListener("pointerdown", (event) => {
    const target = targetOf(event);
    if (target === undefined) return;
    const look = target === null ? looks.page : looks.of(target);
    const { buttons, clientX: x, clientY: y } = event;
    drag = { target, look, buttons, x, y, moving: false, begun: pressed() };
  });
  node.addEventListener("pointermove", (event) => {
    if (!drag) return;
    if (!(event.buttons & drag.buttons)) {
      drag = null; // released outside, before the pointer was captured
      return;
    }
    const [right, up] = [event.clientX - drag.x, drag.y - event.clientY];
    if (!drag.moving && Math.hypot(right, up) < THRESHOLD) return;
    if (!drag.moving) {
      drag.moving = true;
      drag.begun();
      node.setPointerCapture(event.pointerId);
    }
    const contrast = drag.look.contrast * 10 ** (up / TENFOLD);
    looks.change({
      brightness: Math.min(Math.max(drag.look.brightness - right / FULL_RANGE, 0), 1),
      contrast: Math.min(Math.max(contrast, 0.1), 10),
    }, drag.target);
  });
  for (const end of ["pointerup", "pointercancel"]) node.addEventListener(end, () => { drag = null; });
}
