"""The selection function of a search as a figure for a paper."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anomalymatch_ui.evaluate.figure import new_figure, save_figure
from anomalymatch_ui.session.outcome.completeness import ALL
from anomalymatch_ui.session.summary.selection import FORECAST, SAMPLE, Selection


def plot_selection(selection: Selection, path: Path) -> None:
    """Draw the share of all anomalies that was found against the number of images looked at.

    By the uniform sample and by the forecast, and of painted objects where these were measured; bands are
    intervals of 95 %.

    Raises
    ------
    InputError
        If the figure cannot be drawn.
    StorageError
        If the disk refuses.
    """
    figure = new_figure(path, 4.5, 3.4)
    axes = figure.subplots()
    looked = selection.discovery.looked
    for by in (SAMPLE, FORECAST):
        shares = [selection.share(by, known) for known in selection.known.tolist()]
        fraction, low, high = np.array(shares, np.float64).T
        if np.isnan(low).all():
            continue
        (line,) = axes.plot(looked, fraction, label=by)
        axes.fill_between(looked, low, np.minimum(high, 1), color=line.get_color(), alpha=0.15, linewidth=0)
    if selection.completeness is not None:
        shares_of = selection.completeness.shares("first", ALL)
        low, high = shares_of.interval
        (line,) = axes.plot(shares_of.high, shares_of.fraction, label="painted objects")
        axes.fill_between(shares_of.high, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
        axes.set_xscale("log")
    axes.set(xlabel="images looked at", ylabel="share found", ylim=(-0.02, 1.02))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)
    save_figure(figure, path)
