// Measured inside the page with its own clock, from the time stamp of the key's event. A change is seen after
// the frame that paints it: a message posted from an animation frame is delivered after that frame.
() => {
  const painted = () => new Promise((resolve) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => resolve(performance.now());
    channel.port2.postMessage(null);
  }));
  const until = (node, ready) => new Promise((resolve, reject) => {
    const check = () => {
      if (!ready()) return;
      observer.disconnect();
      clearTimeout(limit);
      resolve(performance.now());
    };
    const observer = new MutationObserver(check);
    const limit = setTimeout(() => reject(new Error(`nothing was seen after a minute: ${ready}`)), 60_000);
    observer.observe(node, { attributes: true, subtree: true, childList: true, characterData: true });
    check();
  });
  const nextKey = () => new Promise((resolve) => {
    addEventListener("keydown", (event) => resolve(event.timeStamp), { capture: true, once: true });
  });
  const gallery = document.querySelector(".am-gallery");
  const offer = gallery.querySelector(".am-offer");

  // The label on the card; its saying that it is on the disk; the newer ranking that is offered.
  window.measureLabel = () => {
    const card = gallery.querySelector(".am-active");
    window.measured = nextKey().then(async (start) => {
      const offered = until(offer, () => !offer.hidden && offer.textContent).then(painted);
      await until(card, () => card.dataset.label);
      const visible = painted();
      const saved = until(card, () => card.dataset.saved === "saved");
      return {
        key_to_visible: (await visible) - start, key_to_journal: (await saved) - start,
        label_to_ranking: (await offered) - start,
      };
    });
  };
  window.measureTurn = () => {
    const before = gallery.dataset.page;
    window.measured = nextKey().then(async (start) => {
      await until(gallery, () => gallery.dataset.page !== before);
      return { page_turn: (await painted()) - start };
    });
  };
  // Every image that is listed is unsure: the cards of this page in their colours, and the answer from the disk.
  window.measureBulk = () => {
    const cards = [...gallery.querySelectorAll(".am-card")];
    const done = () => cards.every(({ dataset }) => dataset.label === "unsure" && dataset.saved === "saved");
    const sentence = gallery.querySelector(".am-sentence");
    window.measured = nextKey().then(async (start) => {
      await until(gallery, () => done() && sentence.textContent.includes("takes it back"));
      return { bulk_label: (await painted()) - start };
    });
  };
}
