// The labels, their shapes and their keys.

export const LABELS = {
  anomaly: { mark: "▲", key: "a" },
  nominal: { mark: "●", key: "n" },
  unsure: { mark: "◆", key: "u" },
};
