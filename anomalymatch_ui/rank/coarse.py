"""From what a look at one view of an image says to what a look at all of its views would say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

LEAST_PAIRS = 32
"""Images seen both ways below which nothing is learnt of how the two differ."""


@dataclass(frozen=True)
class CoarseToFine:
    """The best linear guess of a value after a fine look, such as a margin, from that after a coarse one.

    A single view is a noisy draw of the mean over all views, so that what stands out in it stands out by
    chance in part. The guess is nearer to the mean by as much: images of either kind can then stand in one
    order, and a forecast reads both alike. It never changes the order of images of one kind.

    Attributes
    ----------
    slope, offset
        Slope and offset of the line.
    """

    slope: float = 1.0
    offset: float = 0.0

    @classmethod
    def of(cls, coarse: np.ndarray, fine: np.ndarray) -> Self:
        """Learn it from images that were looked at both ways, and were not chosen by what was seen.

        Parameters
        ----------
        coarse, fine
            What either said of them, float ``(n,)``; NaN is left out. With fewer than :data:`LEAST_PAIRS`,
            or where the two have nothing in common, values stay as they are.
        """
        known = np.isfinite(coarse) & np.isfinite(fine)
        coarse, fine = coarse[known].astype(np.float64), fine[known].astype(np.float64)
        if len(coarse) < LEAST_PAIRS or np.ptp(coarse) == 0:
            return cls()
        deviations = coarse - coarse.mean()
        slope = float(deviations @ (fine - fine.mean()) / np.square(deviations).sum())
        return cls(slope, float(fine.mean() - slope * coarse.mean())) if slope > 0 else cls()

    def apply(self, coarse: np.ndarray) -> np.ndarray:
        """Return the guess for some values, in their own shape and dtype."""
        guess: np.ndarray = (coarse * self.slope + self.offset).astype(coarse.dtype)
        return guess
