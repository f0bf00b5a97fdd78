// Questions to the kernel, which change nothing, and their answers, matched by number.

import { frontendName, sendTo } from "./kernel.js";

const NOBODY = "The kernel has ended. Reload the page, or run its cell again.";

export class Questions {
  // `patience`: ms without an answer after which a question is asked again; a server's rate limit may drop one.
  constructor(model, patience) {
    this.model = model;
    this.patience = patience;
    this.frontend = frontendName();
    this.number = 0;
    this.closed = false;
    this.waiting = new Map(); // number -> {resolve, reject, timer}
    this.receive = (message, buffers) => this.hear(message, buffers);
    model.on("msg:custom", this.receive);
  }

  close() {
    this.closed = true;
    this.model.off("msg:custom", this.receive);
    for (const { timer } of this.waiting.values()) clearInterval(timer);
  }

  // Nobody is left to answer: break what was asked, so that nothing on the page waits for it.
  end() {
    this.close();
    for (const { reject } of this.waiting.values()) reject(new Error(NOBODY));
    this.waiting.clear();
  }

  // The promise gives the answer, its bytes as `buffers`; it is broken with the kernel's sentence where that refuses,
  // and at once where nobody is left to answer.
  ask(message) {
    if (this.closed) return Promise.reject(new Error(NOBODY));
    const request = ++this.number;
    const question = { ...message, frontend: this.frontend, request };
    return new Promise((resolve, reject) => {
      const timer = setInterval(() => sendTo(this.model, question), this.patience);
      this.waiting.set(request, { resolve, reject, timer });
      sendTo(this.model, question);
    });
  }

  hear(message, buffers) {
    const asked = message.frontend === this.frontend && this.waiting.get(message.request);
    if (!asked) return;
    clearInterval(asked.timer);
    this.waiting.delete(message.request);
    if (message.kind === "refused") asked.reject(new Error(message.sentence));
    else asked.resolve({ ...message, buffers: buffers ?? [] });
  }
}
