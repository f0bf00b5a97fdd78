"""The completeness of a search as a figure for a paper."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anomalymatch_ui.evaluate.figure import new_figure, save_figure
from anomalymatch_ui.session import Completeness
from anomalymatch_ui.session.outcome.completeness import ALL

_WIDTH = 3.5  # inches of a panel: two are as wide as the page of a journal


def plot_completeness(measured: Completeness, path: Path) -> None:
    """Draw the recovered share against brightness, size and the number of images looked at.

    Brightness is the magnitude where all were drawn by it, dust lanes left out, or all have one; else the
    significance. Bars are exact binomial intervals of 95 %; a point stands in the middle of its bin.

    Raises
    ------
    InputError
        If the figure cannot be drawn.
    StorageError
        If the disk refuses.
    """
    known = np.isfinite(measured.values("magnitude"))
    by_magnitude = known.all() or (measured.recipe.magnitudes is not None and known.any())
    strength = "magnitude" if by_magnitude else "signal to noise"
    panels = {
        strength: "AB magnitude" if strength == "magnitude" else "signal to noise of the object",
        "size": "size (pixels)",
        "first": "images looked at",
    }
    figure = new_figure(path, _WIDTH * len(panels), 3.2)
    for axes, (by, label) in zip(figure.subplots(1, len(panels), sharey=True), panels.items(), strict=True):
        for kind in measured.kinds:
            shares = measured.shares(by, kind)
            low, high = shares.interval
            fraction, is_all = shares.fraction, kind == ALL
            middle = shares.high if by == "first" else (shares.low + shares.high) / 2
            style = (
                {"color": "black", "zorder": 3, "linewidth": 2} if is_all else {"linewidth": 1, "alpha": 0.8}
            )
            if by == "first":
                (line,) = axes.plot(middle, fraction, label=kind, **style)
                axes.fill_between(middle, low, high, color=line.get_color(), alpha=0.12, linewidth=0)
            else:
                bars = [np.maximum(fraction - low, 0), np.maximum(high - fraction, 0)]
                axes.errorbar(middle, fraction, bars, marker="o", markersize=3, label=kind, **style)
        axes.set(xlabel=label, ylim=(-0.02, 1.02))
        if by != "size" and by != "magnitude":
            axes.set_xscale("log")
        if by == "first":
            axes.axvline(measured.first, color="0.6", linestyle=":")
    figure.axes[0].set_ylabel(f"recovered in the first {measured.first:,}")
    figure.axes[-1].legend(frameon=False)
    save_figure(figure, path)
