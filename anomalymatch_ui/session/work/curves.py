"""How the loss and the share of pseudo-labels went during a cycle, short enough to be shown and kept."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from anomalymatch_ui import jsontext
from anomalymatch_ui.files import write_bytes_atomically

CURVE_POINTS = 200
"""Most points of a curve: as many as the panel has pixels to draw it in; a message then holds 4 kB."""


def downsample(values: Sequence[float], points: int = CURVE_POINTS) -> tuple[float, ...]:
    """Return the means of equal spans of ``values``, at most ``points`` of them.

    Examples
    --------
    >>> downsample([1, 3, 5, 7], points=2)
    (2.0, 6.0)
    """
    if len(values) <= points:
        return tuple(float(value) for value in values)
    return tuple(float(span.mean()) for span in np.array_split(np.asarray(values, dtype=float), points))


class CurveRecorder:
    """Collects what each step of one cycle said.

    Attributes
    ----------
    seconds
        Time spent in the steps, without pauses.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._loss: list[float] = []
        self._pseudo_label_share: list[float] = []

    def add(self, loss: float, pseudo_label_share: float, seconds: float) -> None:
        """Take in a finished step."""
        self._loss.append(loss)
        self._pseudo_label_share.append(pseudo_label_share)
        self.seconds += seconds

    @property
    def loss(self) -> tuple[float, ...]:
        """Training loss, at most :data:`CURVE_POINTS` means over equal spans of steps."""
        return downsample(self._loss)

    @property
    def pseudo_label_share(self) -> tuple[float, ...]:
        """Share of unlabelled images whose pseudo-label was used, 0 to 1, downsampled as the loss is."""
        return downsample(self._pseudo_label_share)

    def save(self, path: Path, cycle: int) -> None:
        """Keep the steps of an interrupted cycle.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        record = {
            "cycle": cycle,
            "seconds": self.seconds,
            "loss": self._loss,
            "pseudo_label_share": self._pseudo_label_share,
        }
        write_bytes_atomically(path, json.dumps(record).encode())

    @classmethod
    def resumed(cls, path: Path, cycle: int, step: int) -> Self:
        """Return the first ``step`` steps of an interrupted cycle; none if they are missing or damaged."""
        recorder = cls()
        try:
            record = jsontext.parsed(path.read_text(encoding="utf-8"))
            curves = [[float(value) for value in record[name]] for name in ("loss", "pseudo_label_share")]
            seconds = float(record["seconds"])
            if record["cycle"] != cycle or not math.isfinite(seconds):
                return recorder
        except (OSError, ValueError, KeyError, TypeError):
            return recorder
        if min(map(len, curves)) >= step and np.isfinite(np.concatenate(curves)).all():
            recorder._loss, recorder._pseudo_label_share = (values[:step] for values in curves)
            recorder.seconds = seconds
        return recorder
