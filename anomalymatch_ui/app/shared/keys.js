// Keys: the name of what is pressed, and how a key is written on a button.

const NAMES = { " ": "Space", Esc: "Escape", Delete: "Backspace" };
const WRITTEN = {
  ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", PageUp: "PgUp", PageDown: "PgDn",
  Backspace: "⌫", Escape: "Esc", Enter: "⏎", Shift: "⇧",
};

const ON_A_MAC = /^(Mac|iP)/.test(navigator.platform); // where Option is what AltGr is elsewhere

// "A", "Shift+Z", "Ctrl+A", "Shift+ArrowLeft", "?". A sign needs no Shift or AltGr in its name, because which
// key it is on depends on the keyboard; a letter of another script goes by its place. Cmd counts as Ctrl.
export function chordOf(event) {
  let key = NAMES[event.key] ?? event.key;
  if (/^Key[A-Z]$/.test(event.code) && !/^[\x20-\x7e]/.test(key)) key = event.code.slice(3);
  const letter = /^[a-z]$/i.test(key);
  const sign = key.length === 1 && !letter;
  if (letter) key = key.toUpperCase();
  const altGraph = event.getModifierState?.("AltGraph");
  const parts = [];
  if ((event.ctrlKey || event.metaKey) && !altGraph) parts.push("Ctrl");
  if (event.altKey && !altGraph && !(sign && ON_A_MAC)) parts.push("Alt");
  if (event.shiftKey && !sign) parts.push("Shift");
  return [...parts, key].join("+");
}

export function writtenKey(chord) {
  const parts = chord === "+" ? ["+"] : chord.split("+");
  return parts.map((part) => WRITTEN[part] ?? part).join(parts.includes("Shift") ? "" : "+");
}
