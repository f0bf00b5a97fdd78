// The labels, their shapes, their keys, and what several are called. `LABELS` and `MARKS` in labels/entries.py are the
// same for the kernel, in the same order.

export const LABELS = {
  anomaly: { mark: "▲", key: "a", plural: "anomalies" },
  nominal: { mark: "●", key: "n", plural: "nominal" },
  unsure: { mark: "◆", key: "u", plural: "unsure" },
  artefact: { mark: "✕", key: "x", plural: "artefacts" },
};
