// The line above the cards: what is listed, a newer ranking, what there is to say, whether all is on disk.

import { element, update } from "../shared/elements.js";
import { whole } from "../shared/numbers.js";

export class Header {
  constructor(view) {
    this.view = view;
    this.range = element("span", "am-range");
    this.offer = this.button("apply", "am-offer", "");
    this.sentence = element("span", "am-sentence", { role: "status" });
    this.safety = element("span", "am-safety", { role: "status" });
    this.previous = this.button("previous page", "am-turn", "‹");
    this.pageText = element("span", "am-page");
    this.next = this.button("next page", "am-turn", "›");
    this.root = element("div", "am-header");
    this.root.append(this.range, this.offer, this.sentence, this.safety, this.previous, this.pageText, this.next);
  }

  button(action, className, textContent) {
    const { view } = this;
    const button = view.button(action, className);
    button.textContent = textContent;
    return button;
  }

  draw() {
    const { page, model, sentence, tone, safety, pending } = this.view.desk;
    const last = page.first + (page.cards?.length ?? 0) - 1;
    const range = page.cards?.length
      ? `${whole(page.first)}–${whole(last)} of ${whole(page.count)} ${page.title}` : "";
    const pageText = page.pages ? `page ${whole(page.number + 1)} of ${whole(page.pages)}` : "";
    const { text = "" } = model.get("offer");
    const [safe, kind] = safety;
    update(this.range, { textContent: range, title: range });
    update(this.pageText, { textContent: pageText });
    update(this.previous, { disabled: !(page.number > 0) });
    update(this.next, { disabled: !(page.number + 1 < page.pages) });
    update(this.offer, { textContent: text, hidden: !text });
    // A sentence that is said again is written again, so that a screen reader says it again.
    if (this.said !== this.view.desk.said) this.sentence.textContent = sentence;
    this.said = this.view.desk.said;
    update(this.sentence, { textContent: sentence, title: sentence });
    update(this.sentence.dataset, { tone });
    update(this.safety, { textContent: safe, title: safe });
    update(this.safety.dataset, { tone: kind, waiting: String(pending.size) });
  }
}
