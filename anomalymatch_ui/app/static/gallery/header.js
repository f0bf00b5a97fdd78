// The line above the cards: what is listed, a newer ranking, what there is to say, whether all is on disk.

import { element } from "./elements.js";

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
    const { page, model, sentence, tone, safety } = this.view.desk;
    const number = (value) => value.toLocaleString("en");
    const last = page.first + (page.cards?.length ?? 0) - 1;
    this.range.textContent = page.cards?.length
      ? `${number(page.first)}–${number(last)} of ${number(page.count)} ${page.title}` : "";
    this.range.title = this.range.textContent;
    this.pageText.textContent = page.pages ? `page ${number(page.number + 1)} of ${number(page.pages)}` : "";
    this.previous.disabled = !(page.number > 0);
    this.next.disabled = !(page.number + 1 < page.pages);
    const { text = "" } = model.get("offer");
    this.offer.textContent = text;
    this.offer.hidden = !text;
    this.sentence.textContent = this.sentence.title = sentence;
    this.sentence.dataset.tone = tone;
    [this.safety.textContent, this.safety.dataset.tone] = safety;
    this.safety.title = this.safety.textContent;
  }
}
