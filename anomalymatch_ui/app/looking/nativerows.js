// Stretch and bands of native values, which act on the server: rows of the look's panel, and a chip that says where
// the cards show something else than the network sees.

import { element } from "../shared/elements.js";

const NATIVE_STRETCHES = {
  linear: "linear", sqrt: "sqrt", log: "log", asinh: "asinh", lupton: "Lupton (colours stay)",
  "fitsbolt-asinh": "fitsbolt asinh", "fitsbolt-log": "fitsbolt log", "fitsbolt-zscale": "fitsbolt zscale",
  "fitsbolt-midtones": "fitsbolt midtones", "fitsbolt-linear": "fitsbolt linear",
};
const NATIVE_SHARES = [[0.1, 99.9], [0.5, 99.5], [1, 99], [2.5, 97.5], [5, 95]];
const NATIVE_SOFTENING = { asinh: { usual: 0.1, least: -3, most: 0 }, lupton: { usual: 8, least: -1, most: 4 } };
const AS_WEIGHED = "weights"; // bands are mixed by weights, which only the settings say

export class NativeRows {
  constructor(desk) {
    this.desk = desk;
    this.wanted = null; // what waits until the page that was asked for is there
    this.latest = null; // the rendering that was chosen last, while pages are on their way
    this.busy = false;
    this.build();
    this.listener = () => this.refresh();
    desk.model.on("change:native", this.listener);
  }

  close() {
    this.desk.model.off("change:native", this.listener);
  }

  get state() {
    return this.desk.model.get("native");
  }

  build() {
    const { bands } = this.state;
    this.stretch = nativeChoice(Object.entries(NATIVE_STRETCHES), (value) => this.change(stretchTo(value)));
    this.softening = nativeSlider(() => this.soften(false), () => this.soften(true));
    this.limits = nativeChoice([], (value) => this.change(limitsTo(value, this.state)));
    this.joint = element("input", "", { type: "checkbox" });
    this.joint.addEventListener("change", () => this.change({ joint: this.joint.checked }));
    this.given = element("div", "am-native-given");
    this.shown = nativeChoice([], (value) => this.change(bandTo(value, this.state)));
    this.colours = ["Red", "Green", "Blue"].map((name, place) => [name, nativeChoice(
      bands.map((band) => [band, band]),
      (value) => this.change({ rgb: this.state.shown.rgb.map((band, at) => (at === place ? value : band)) }),
    )]);
    this.colourRows = this.colours.map(([name, control]) => nativeRow(name, control));
    this.softeningRow = nativeRow("Softening", this.softening);
    this.jointRow = nativeRow("Same for all bands", this.joint);
    this.rows = [
      nativeRow("Stretch", this.stretch), this.softeningRow, nativeRow("Limits", this.limits), this.given,
      ...(bands.length > 1 ? [this.jointRow, nativeRow("Show", this.shown), ...this.colourRows] : []),
    ];
    this.chip = element("button", "am-look-chip am-native-chip", {
      type: "button", title: "the cards are shown otherwise than the network sees them; back to that", hidden: true,
    });
    this.chip.addEventListener("click", () => this.send(null, true));
    this.buildFooter();
  }

  buildFooter() {
    this.use = element("button", "am-native-use", { type: "button", textContent: "Use for the network too …" });
    this.use.addEventListener("click", () => this.askToUse());
    this.asked = element("div", "am-native-asked", { role: "alertdialog", "aria-label": "use for the network", hidden: true });
    this.sentence = element("p", "");
    const yes = element("button", "am-native-yes", { type: "button", textContent: "Look at them anew" });
    const no = element("button", "", { type: "button", textContent: "Cancel" });
    yes.addEventListener("click", () => {
      this.asked.hidden = true;
      this.desk.command("use for the network");
      this.desk.say("The network is to see the images so: the session opens anew …");
    });
    no.addEventListener("click", () => { this.asked.hidden = true; });
    this.asked.append(this.sentence, yes, no);
    this.footer = [this.use, this.asked];
  }

  async askToUse() {
    try {
      this.sentence.textContent = (await this.desk.ask({ kind: "for the network" })).sentence;
      this.asked.hidden = false;
      this.asked.querySelector("button").focus();
    } catch (error) {
      this.desk.say(error.message, "error");
    }
  }

  // What is chosen goes to the server once the page before is there; of several choices meanwhile, the last.
  change(changes, keep = true) {
    this.send({ ...(this.latest ?? this.state.shown), ...changes }, keep);
  }

  async send(rendering, keep) {
    this.wanted = { rendering, keep };
    this.latest = rendering;
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.wanted) {
        const asked = this.wanted;
        this.wanted = null;
        await this.desk.ask({ kind: "show as", ...asked });
      }
    } catch (error) {
      this.wanted = null;
      this.desk.say(error.message, "error");
    } finally {
      this.busy = false;
      this.latest = null;
      this.refresh();
    }
  }

  soften(keep) {
    this.change({ softening: Number((10 ** Number(this.softening.value)).toPrecision(3)) }, keep);
  }

  refresh() {
    if (this.busy && this.wanted) return; // a newer choice is on its way
    const { shown, bands, own } = this.state;
    const stretch = plainStretch(shown.stretch);
    this.stretch.value = stretch;
    const range = NATIVE_SOFTENING[stretch];
    this.softeningRow.hidden = !range;
    if (range) {
      Object.assign(this.softening, { min: range.least, max: range.most, step: 0.02 });
      this.softening.value = Math.log10(shown.softening ?? range.usual);
      this.softening.title = String(shown.softening ?? range.usual);
    }
    const chosen = limitsChosen(shown);
    const known = [...limitChoices(bands.length), chosen].filter(([value], at, all) => all.findIndex(([one]) => one === value) === at);
    nativeOptions(this.limits, known);
    this.limits.value = chosen[0];
    this.limits.disabled = stretch.startsWith("fitsbolt");
    this.joint.checked = shown.joint === true;
    this.jointRow.hidden = this.limits.disabled || Array.isArray(shown.limits);
    this.drawGiven(shown);
    this.drawBands(shown, bands);
    this.chip.hidden = !own;
    this.use.hidden = !own;
    if (!own) this.asked.hidden = true;
    this.chip.textContent = `not the network's: ${nativeInWords(shown, stretch, chosen[1])} ×`;
  }

  drawBands(shown, bands) {
    if (bands.length < 2) return;
    const rgb = shown.rgb ?? [];
    const weighed = Array.isArray(rgb[0]);
    const alone = !weighed && rgb.every((band) => band === rgb[0]);
    nativeOptions(this.shown, [
      ["colour", "colour"], ...bands.map((band) => [`band ${band}`, `${band} in grey`]), ...(weighed ? [[AS_WEIGHED, "weighted bands"]] : []),
    ]);
    this.shown.value = weighed ? AS_WEIGHED : alone ? `band ${rgb[0]}` : "colour";
    for (const [place, row] of this.colourRows.entries()) {
      row.hidden = weighed || alone;
      if (!row.hidden) this.colours[place][1].value = rgb[place];
    }
  }

  // Black and white in the images' own units, for all bands or for each.
  drawGiven(shown) {
    const { limits } = shown;
    this.given.hidden = !Array.isArray(limits);
    if (this.given.hidden || this.given.contains(document.activeElement)) return;
    const perBand = Array.isArray(limits[0]);
    const pairs = perBand ? limits : [limits];
    const unit = (name) => this.state.units[this.state.bands.indexOf(name)] ?? "";
    this.given.replaceChildren(...pairs.map((pair, at) => {
      const name = perBand ? shown.bands[at] : "";
      const line = element("div", "am-native-pair", { role: "group", "aria-label": `limits ${name}`.trim() });
      const inputs = ["black", "white"].map((what, side) => {
        const input = element("input", "", {
          type: "text", inputMode: "decimal", value: String(Number(pair[side].toPrecision(6))), "aria-label": `${what} ${name}`.trim(),
        });
        input.addEventListener("change", () => {
          const value = Number(input.value.replace(",", "."));
          if (input.value.trim() === "" || !Number.isFinite(value)) {
            this.desk.say(`Limits are numbers in the images' own units, not ${JSON.stringify(input.value)}.`, "error");
            return;
          }
          const changed = pairs.map((one, place) => (place === at ? one.map((old, which) => (which === side ? value : old)) : one));
          input.blur();
          this.change({ limits: perBand ? changed : changed[0] });
        });
        return input;
      });
      line.append(element("span", "", { textContent: name || "all" }), ...inputs, element("span", "", { textContent: unit(name || this.state.bands[0]) }));
      return line;
    }));
  }
}

// Two of the stretches are linear between limits of a kind; here the limits say so.
function plainStretch(stretch) {
  return ["auto", "percentile", "zscale"].includes(stretch) ? "linear" : stretch;
}

function stretchTo(stretch) {
  const own = stretch.startsWith("fitsbolt") ? { limits: "percentile" } : {};
  return { stretch, softening: null, ...own };
}

function limitChoices(bands) {
  return [
    ...NATIVE_SHARES.map(([low, high]) => [`${low},${high}`, sharesInWords([low, high])]), ["minmax", "min – max"], ["zscale", "zscale"],
    ["given", "in units"], ...(bands > 1 ? [["by band", "in units, by band"]] : []),
  ];
}

function sharesInWords([low, high]) {
  return `${low} – ${high} %`;
}

// The choice that a rendering's limits are, and what it is called.
function limitsChosen({ stretch, limits, percentiles }) {
  if (stretch === "zscale" || limits === "zscale") return ["zscale", "zscale"];
  if (limits === "minmax") return ["minmax", "min – max"];
  if (Array.isArray(limits)) return Array.isArray(limits[0]) ? ["by band", "in units, by band"] : ["given", "in units"];
  return [percentiles.join(), sharesInWords(percentiles)];
}

function limitsTo(value, { shown, bands, levels }) {
  const stretch = plainStretch(shown.stretch);
  if (value === "minmax" || value === "zscale") return { stretch, limits: value };
  const level = (name) => levels[bands.indexOf(name)];
  if (value === "given") {
    const of = (shown.bands ?? bands).map(level);
    return { stretch, limits: [Math.min(...of.map(([low]) => low)), Math.max(...of.map(([, high]) => high))] };
  }
  if (value === "by band") return { stretch, limits: (shown.bands ?? bands).map(level) };
  return { stretch, limits: "percentile", percentiles: value.split(",").map(Number) };
}

function bandTo(value, { shown, bands }) {
  if (value === AS_WEIGHED) return {};
  if (value !== "colour") return { rgb: [0, 1, 2].map(() => value.slice("band ".length)) };
  const chosen = bands.filter((band) => (shown.bands ?? bands).includes(band));
  return { rgb: [chosen[0], chosen[Math.floor((chosen.length - 1) / 2)], chosen.at(-1)] };
}

function nativeInWords({ rgb, bands }, stretch, limits) {
  const parts = [NATIVE_STRETCHES[stretch].split(" (")[0]];
  if (!stretch.startsWith("fitsbolt")) parts.push(limits);
  if (bands?.length > 1 && new Set(rgb).size === 1) parts.push(rgb[0]);
  return parts.join(", ");
}

function nativeChoice(entries, chosen) {
  const select = element("select", "");
  nativeOptions(select, entries);
  select.addEventListener("change", () => chosen(select.value));
  return select;
}

function nativeOptions(select, entries) {
  if (entries.length === select.options.length && entries.every(([value], at) => select.options[at].value === value)) return;
  select.replaceChildren(...entries.map(([value, textContent]) => element("option", "", { value, textContent })));
}

function nativeSlider(moved, released) {
  const input = element("input", "", { type: "range" });
  input.addEventListener("input", moved);
  input.addEventListener("change", released);
  return input;
}

function nativeRow(text, control) {
  const label = element("label", "am-look-row");
  control.setAttribute("aria-label", text); // else its options are read as a part of its name
  label.append(element("span", "", { textContent: text }), control, element("kbd", "", { "aria-hidden": "true" }));
  return label;
}
