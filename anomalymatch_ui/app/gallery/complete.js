// The sentence for a page that lacks widgets (missing.py) is emptied when all of them are there: its style looks at the
// whole dashboard whenever something in it changes.

const ASKED_WITHIN = 5000; // ms in which JupyterLab has asked for all of them

export function emptyRemedy(view) {
  const timer = setTimeout(() => {
    const whole = view.root.closest(".anomalymatch");
    const remedy = whole?.querySelector(":scope > .am-missing");
    if (!remedy || whole.querySelector(".jupyter-widgets-error-widget")) return;
    remedy.replaceChildren(); // what it holds; itself it is a widget, which its own page removes later
    remedy.style.display = "none";
  }, ASKED_WITHIN);
  view.endings.push(() => clearTimeout(timer));
}
