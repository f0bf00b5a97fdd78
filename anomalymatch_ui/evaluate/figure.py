"""A figure in a file, of the format that its name asks for."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.evaluate.report import check_drawing
from anomalymatch_ui.files import write_bytes_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = ("png", "pdf", "svg")
"""Formats of a figure, by the suffix of its file."""


def check_figure(path: Path) -> None:
    """Check that a figure can be drawn into a file of that name.

    Raises
    ------
    InputError
        If Matplotlib is not installed, or the name ends with another suffix.
    """
    if path.suffix.lower().removeprefix(".") not in FIGURES:
        raise InputError(
            f"{path.name} is not a name for a figure. End it with one of: .{', .'.join(FIGURES)}."
        )
    check_drawing()


def new_figure(path: Path, width: float, height: float) -> Figure:
    """Return an empty figure for a file, of a size in inches.

    Raises
    ------
    InputError
        As :func:`check_figure`.
    """
    check_figure(path)
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure, whole or not at all.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format=path.suffix.lower().removeprefix("."), dpi=150)
    write_bytes_atomically(path, buffer.getvalue())
