// The dashboard on the whole screen, with all that opens over it. Escape leaves it, as everywhere in a browser.

export const fullScreenAction = {
  name: "full screen", keys: ["Shift+F"], title: "full screen, and back", group: "Look", run: (view) => toggle(view),
};

export function addFullScreenButton(view) {
  const button = view.button("full screen", "am-turn am-full-screen");
  button.hidden = !document.fullscreenEnabled; // as in a frame that another page does not allow it
  view.header.previous.before(button);
}

async function toggle(view) {
  try {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await view.root.closest(".anomalymatch").requestFullscreen();
  } catch (error) {
    view.desk.say(`This browser shows no full screen here: ${error.message}.`, "error");
  }
  view.focus();
}
