// The theme of a page: a menu of what to follow, and the attribute that chooses the colours of theme.css.

import { element } from "../shared/elements.js";
import { saveChanges } from "../shared/kernel.js";
import { prefer, preference } from "../shared/preferences.js";

const THEMES = ["auto", "dark", "light"];

// JupyterLab and Voilà both say on the page's body whether theirs is light; elsewhere nobody does.
function resolved(choice) {
  if (choice === "dark" || choice === "light") return choice;
  return document.body.dataset.jpThemeLight === "true" ? "light" : "dark";
}

class ThemeOfPage {
  constructor(model) {
    this.model = model;
    this.observer = new MutationObserver(() => this.show());
    this.observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
    this.listener = () => this.choose(model.get("choice"));
    model.on("change:choice", this.listener);
    this.choose(model.get("choice") ?? preference("theme"));
  }

  close() {
    this.observer.disconnect();
    this.model.off("change:choice", this.listener);
  }

  // Follow a person's or a script's choice, and keep it.
  choose(choice) {
    const known = THEMES.includes(choice) ? choice : "auto";
    if (choice !== null) prefer("theme", known);
    if (this.model.get("choice") !== known) this.model.set("choice", known);
    this.show();
  }

  show() {
    const shown = resolved(this.model.get("choice"));
    this.model.set("shown", shown);
    saveChanges(this.model);
    if (document.documentElement.dataset.anomalymatch === shown) return;
    document.documentElement.dataset.anomalymatch = shown;
    document.dispatchEvent(new CustomEvent("anomalymatch:theme")); // what is painted on a canvas is painted anew
  }
}

export default () => {
  let theme = null;
  return {
    initialize({ model }) {
      theme = new ThemeOfPage(model);
      return () => theme.close();
    },
    render({ model, el }) {
      const menu = element("select", "am-theme", { "aria-label": "theme", title: "theme; auto follows JupyterLab's" });
      for (const value of THEMES) menu.append(element("option", "", { value, textContent: value }));
      const draw = () => { menu.value = model.get("choice") ?? "auto"; };
      menu.addEventListener("change", () => {
        theme.choose(menu.value);
        // Or else the next A would be a letter typed into the menu.
        el.closest(".anomalymatch")?.querySelector('[role="grid"]')?.focus({ preventScroll: true });
      });
      model.on("change:choice", draw);
      draw();
      el.append(menu);
      return () => model.off("change:choice", draw);
    },
  };
};
