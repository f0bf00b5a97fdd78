// Questions to the kernel and their answers, matched by number.

const ANSWER_PATIENCE = 15000; // ms; then the kernel is taken to have missed it, and it counts as refused

export class Questions {
  constructor(model) {
    this.model = model;
    this.frontend = Math.random().toString(36).slice(2) + Date.now().toString(36);
    this.number = 0;
    this.waiting = new Map();
    this.heard = new Set(); // functions given what comes without being asked for
    this.receive = (message, buffers) => this.hear(message, buffers);
    model.on("msg:custom", this.receive);
  }

  close() {
    this.model.off("msg:custom", this.receive);
    for (const { timer } of this.waiting.values()) clearTimeout(timer);
  }

  send(message, buffers = []) {
    try {
      this.model.send(message, undefined, buffers);
    } catch (error) {
      console.warn("anomalymatch: not sent,", error.message); // a closed connection throws; the gallery says so
    }
  }

  ask(message) {
    const request = ++this.number;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.settle(request, { kind: "refused", buffers: [] }), ANSWER_PATIENCE);
      this.waiting.set(request, { resolve, timer });
      this.send({ ...message, frontend: this.frontend, request });
    });
  }

  settle(request, answer) {
    const { resolve, timer } = this.waiting.get(request);
    clearTimeout(timer);
    this.waiting.delete(request);
    resolve(answer);
  }

  hear(message, buffers) {
    // Copied, for a typed array needs a buffer of its own that begins at zero.
    const copies = (buffers ?? []).map((view) => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
    if (message.frontend === this.frontend && this.waiting.has(message.request)) {
      this.settle(message.request, { ...message, buffers: copies });
    } else if (!message.frontend) {
      for (const listener of this.heard) listener(message, copies);
    }
  }
}
