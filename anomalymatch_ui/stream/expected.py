"""What will compute scores on a CPU, told without importing torch or OpenVINO, which takes seconds."""

from __future__ import annotations

from importlib import metadata

from anomalymatch_ui.config import OPENVINO_GRAPH, RuntimeName


def expected_runtime(wanted: RuntimeName) -> str:
    """Return OpenVINO with its version if it is wanted and installed; else an empty text, for torch.

    Whether it agrees with torch about a network shows when that is made ready to score:
    :func:`~anomalymatch_ui.learn.choose_runtime`.
    """
    if wanted == "torch":
        return ""
    try:
        return f"OpenVINO {metadata.version('openvino')}, graph {OPENVINO_GRAPH}"
    except metadata.PackageNotFoundError:
        return ""
