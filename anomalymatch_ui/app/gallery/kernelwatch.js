// Whether the kernel that this page talks to is still there. One that is started anew in its place knows nothing of
// the page, and answers nothing.

const ENDED = ["autorestarting", "restarting", "terminating", "dead"];
const ASKED_EVERY = 4000; // ms

export class KernelWatch {
  // `connection` is Jupyter's to the kernel, if there is one; `ended` is called once.
  constructor(connection, ended) {
    this.connection = connection;
    this.ended = ended;
    this.hasEnded = false;
    this.asked = 0;
    this.heed = (_, status) => {
      if (ENDED.includes(status)) this.end();
    };
    connection?.statusChanged?.connect(this.heed);
  }

  close() {
    this.connection?.statusChanged?.disconnect(this.heed);
  }

  end() {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.ended();
  }

  // Ask a kernel that answers nothing whether it knows of any widget, as one does that has made this page.
  async ask() {
    const now = performance.now();
    if (this.hasEnded || now - this.asked < ASKED_EVERY || !this.connection?.requestCommInfo) return;
    this.asked = now;
    try {
      const reply = await this.connection.requestCommInfo({ target_name: "jupyter.widget" });
      if (reply.content.status === "ok" && !Object.keys(reply.content.comms).length) this.end();
    } catch (error) {
      console.warn("anomalymatch: the kernel does not answer,", error.message);
    }
  }
}
