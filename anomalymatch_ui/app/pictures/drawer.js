// The drawer: opened and closed by P or the gallery's button, with a tab of charts and one of the map.

import { DiscoveryChart } from "./discovery.js";
import { Histogram } from "./histogram.js";
import { MapView } from "./mapview.js";
import { element, freshName, quietButton } from "../shared/elements.js";
import { arrayOf, saveChanges } from "../shared/kernel.js";
import { PrecisionChart } from "./precision.js";

const TABS = [["charts", "Charts"], ["map", "Map"]];

export class Drawer {
  constructor(model, questions, host) {
    this.model = model;
    this.questions = questions;
    this.host = host;
    this.map = null;
    this.name = freshName();
    this.build(host);
    this.listeners = [
      ["change:shown", () => this.arrange()],
      ["change:tab", () => this.arrange()],
      ["change:charts", () => this.drawCharts()],
      ["change:map_state", () => this.drawMap()],
      ["msg:custom", (message, buffers) => this.hear(message, buffers)],
    ];
    for (const [name, run] of this.listeners) model.on(name, run);
    this.toggle = (event) => {
      // Each dashboard of a notebook has its own drawer.
      if (this.root.closest(".anomalymatch")?.contains(event.target)) this.show(!this.model.get("shown"));
    };
    document.addEventListener("anomalymatch:pictures", this.toggle);
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.arrange();
  }

  build(host) {
    this.tabs = TABS.map(([id, text]) => {
      const properties = { role: "tab", textContent: text, id: `${this.name}-${id}`, "aria-controls": `${this.name}-${id}-panel` };
      return quietButton("", properties, () => this.turnTo(id));
    });
    const close = quietButton("am-close", { textContent: "×", title: "close (P)", "aria-label": "close the pictures" }, () => {
      this.show(false);
    });
    const bar = element("div", "am-tabs", {}, element("div", "", { role: "tablist", "aria-label": "pictures" }, ...this.tabs), close);
    this.panels = TABS.map(([id]) => element("div", `am-tab-panel am-tab-${id}`, {
      role: "tabpanel", id: `${this.name}-${id}-panel`, "aria-labelledby": `${this.name}-${id}`,
    }));
    const [charts] = this.panels;
    this.refusal = element("p", "am-note", { role: "status" });
    charts.append(this.refusal);
    this.charts = { discovery: new DiscoveryChart(charts), precision: new PrecisionChart(charts), histogram: new Histogram(charts) };
    // JupyterLab leaves keys alone below an element with this attribute.
    this.root = element("aside", "am-drawer", { "data-lm-suppress-shortcuts": "true", "aria-label": "pictures" }, bar, ...this.panels);
    host.append(this.root);
  }

  close() {
    for (const [name, run] of this.listeners) this.model.off(name, run);
    document.removeEventListener("anomalymatch:pictures", this.toggle);
    for (const chart of Object.values(this.charts)) chart.close();
    this.map?.close();
  }

  // What is selected on the map by a script.
  hear(message, buffers) {
    if (message.kind === "selected") this.map?.showSelected(arrayOf(Uint32Array, buffers[0]));
  }

  set(name, value) {
    this.model.set(name, value);
    saveChanges(this.model);
  }

  show(shown) {
    if (!shown && this.root.contains(document.activeElement)) this.toGallery();
    this.set("shown", shown);
  }

  turnTo(tab) {
    this.set("tab", tab);
  }

  toGallery() {
    this.root.closest(".anomalymatch")?.querySelector(".am-grid")?.focus({ preventScroll: true });
  }

  arrange() {
    const shown = this.model.get("shown"), tab = this.model.get("tab");
    this.root.hidden = !shown;
    this.root.closest(".anomalymatch")?.classList.toggle("am-with-pictures", shown);
    TABS.forEach(([id], index) => {
      this.panels[index].hidden = id !== tab;
      this.tabs[index].setAttribute("aria-selected", String(id === tab));
      this.tabs[index].tabIndex = id === tab ? 0 : -1;
    });
    if (!shown) return;
    this.drawCharts();
    this.drawMap();
  }

  drawCharts() {
    const data = this.model.get("charts");
    this.refusal.textContent = data.refusal ?? "";
    this.refusal.hidden = !data.refusal;
    if (!data.histogram) return;
    for (const [name, chart] of Object.entries(this.charts)) chart.show(data[name]);
  }

  drawMap() {
    if (!this.model.get("shown") || this.model.get("tab") !== "map") return;
    this.map ??= new MapView(this.questions, this.panels[1]);
    this.map.heed(this.model.get("map_state"));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation();
    const onTab = this.tabs.indexOf(event.target);
    if (event.target.closest("select, input, textarea")) return;
    if (event.key.toLowerCase() === "p") this.show(false);
    else if (event.key === "Escape") {
      if (!this.map?.leave()) this.toGallery();
    } else if (onTab >= 0 && event.key.startsWith("Arrow")) {
      const next = this.tabs[1 - onTab];
      this.set("tab", TABS[1 - onTab][0]);
      next.focus();
    } else return;
    event.preventDefault();
  }
}
