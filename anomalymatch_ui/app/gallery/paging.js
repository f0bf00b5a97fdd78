// How many cards a page has, and how large they are.

import { element } from "../shared/elements.js";
import { saveChanges } from "../shared/kernel.js";
import { prefer } from "../shared/preferences.js";

const PAGE_SIZES = [20, 40, 60, 100, 150, 200];
const SMALLEST = 64; // px of a thumbnail
const LARGEST = 256;
const SMALL = 100; // px of a thumbnail below which a card is narrower and says it in smaller letters
const CALM_SIZE = 250; // ms without a change of the slider after which the kernel is told

export function attachPaging(view) {
  const { model } = view.desk;
  const number = element("select", "am-select", { title: "cards on a page" });
  const slider = element("input", "am-slider", { type: "range", min: SMALLEST, max: LARGEST, step: 4, title: "size of the thumbnails" });
  const group = element("div", "am-paging");
  group.append(labelled("Cards", number), labelled("Size", slider));
  view.toolbar.append(group);
  let timer = null;

  const showNumber = () => {
    const chosen = model.get("page_size");
    const sizes = [...new Set([...PAGE_SIZES, chosen])].sort((a, b) => a - b);
    number.replaceChildren(...sizes.map((size) => element("option", "", { value: size, textContent: size })));
    number.value = chosen;
  };
  const showSize = () => {
    slider.value = model.get("thumbnail");
    fitThumbnails(view);
  };
  number.addEventListener("change", () => {
    prefer("page_size", Number(number.value));
    model.set("page_size", Number(number.value));
    saveChanges(model);
    view.focus();
  });
  slider.addEventListener("input", () => {
    model.set("thumbnail", Number(slider.value));
    prefer("thumbnail", Number(slider.value));
    clearTimeout(timer);
    timer = setTimeout(() => saveChanges(model), CALM_SIZE);
  });
  // Whoever drags goes on with keys for the cards; whoever came by Tab goes on with the slider.
  slider.addEventListener("pointerup", () => view.focus());
  view.listenTo("change:page_size", showNumber);
  view.listenTo("change:thumbnail", showSize);
  showNumber();
  showSize();
}

function labelled(text, control) {
  const label = element("label", "am-control");
  label.append(`${text} `, control);
  return label;
}

// Show thumbnails as large as was chosen, as far as whole multiples allow.
export function fitThumbnails(view) {
  const { page, model } = view.desk;
  const side = shownSide(page.native, model.get("thumbnail"));
  const thumbnail = `${side}px`;
  const asBefore = view.root.style.getPropertyValue("--thumbnail") === thumbnail;
  if (!asBefore) view.root.style.setProperty("--thumbnail", thumbnail);
  view.root.classList.toggle("am-magnified", side > page.cell);
  view.root.classList.toggle("am-small", side < SMALL);
  // To ask for widths makes the browser lay out the whole page at once.
  if (!asBefore || !view.columns) view.arrange();
}

// The side of an image on the screen, in CSS pixels: small ones are magnified by whole numbers, so that each of
// their pixels stays a sharp square; cell_side in looking/sheet.py decides in the same way what is sent.
export function shownSide(native, wanted) {
  if (!(native <= Math.min(wanted * 1.25, LARGEST))) return wanted;
  const times = Math.max(1, Math.round(wanted / native));
  return native * (times > 1 && native * times > LARGEST ? times - 1 : times);
}
