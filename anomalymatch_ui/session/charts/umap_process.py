"""UMAP in a process of its own: ``python -m anomalymatch_ui.session.charts.umap_process COMPONENTS PLACES``.

Reads float32 ``(n, components)`` from one ``.npy`` file, writes float32 ``(n, 2)`` to another, and prints
its progress as lines ``{"percent": 37}``.

References
----------
.. [1] McInnes, Healy & Melville 2018, "UMAP: Uniform Manifold Approximation and Projection for Dimension
   Reduction", arXiv:1802.03426.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import numpy as np

NEIGHBOURS = 15
"""Size of a neighbourhood, the authors' default [1]_."""

LEAST_DISTANCE = 0.1
"""Between neighbours on the map, the authors' default [1]_; smaller clumps what is alike."""


NICENESS = 15
"""Of 19: what else runs gets some thirty times the share of a processor."""


class PercentLines:
    """Stands where UMAP's progress bar writes, and prints whole per cents as lines."""

    def __init__(self) -> None:
        self._last = ""

    def write(self, text: str) -> None:
        """Take what the bar shows: a number of per cent."""
        percent = text.strip()
        if percent.isdigit() and percent != self._last:
            self._last = percent
            print(json.dumps({"percent": int(percent)}), flush=True)

    def flush(self) -> None:
        """Nothing is held back."""


def lay_out(components: np.ndarray, progress: PercentLines) -> np.ndarray:
    """Lay images out by UMAP [1]_, beginning with their first two components.

    Parameters
    ----------
    components
        float32 ``(n, components)``, at least two.
    progress
        Told how far it is.

    Returns
    -------
    numpy.ndarray
        float32 ``(n, 2)``, the same for the same components.
    """
    from umap import UMAP

    start = components[:, :2]
    options: dict[str, Any] = {"file": progress, "bar_format": "{percentage:.0f}", "disable": False}
    layout = UMAP(
        n_neighbors=min(NEIGHBOURS, len(components) - 1),
        min_dist=LEAST_DISTANCE,
        init=start * (10 / max(float(np.abs(start).max()), 1e-9)),
        random_state=42,
        n_jobs=1,
        verbose=False,
        tqdm_kwds=options,
    )
    places: np.ndarray = layout.fit_transform(components).astype(np.float32)
    return places


def main(arguments: list[str]) -> None:
    """Read, lay out, write."""
    if hasattr(os, "nice"):  # labels, training and the page come first
        os.nice(NICENESS)
    given, made = arguments
    np.save(made, lay_out(np.load(given, allow_pickle=False), PercentLines()))


if __name__ == "__main__":
    main(sys.argv[1:])
