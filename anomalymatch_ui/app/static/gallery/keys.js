// The keys and what they do.

import { LABELS } from "./labels.js";

export const LABEL_OF_KEY = Object.fromEntries(Object.entries(LABELS).map(([name, { key }]) => [key, name]));
export const KEYS = [
  ["A", "anomaly"], ["N", "nominal"], ["U", "unsure"], ["Backspace", "clear"], ["Z", "undo"],
  ["Shift+Z", "redo"], ["← ↑ ↓ →", "move"], ["PgUp PgDn", "turn page"], ["R", "new ranking"],
];
