"""One order from two judges: the linear head, which never fails badly, and the trained network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_EDGE = 1e-6  # a probability nearer to 0 or 1 than this counts as this

LEAST_DEVIATION = 1e-3
"""Deviation of a margin over a pool below which it tells no image from another: the last bit of a float32
probability of 0.999 is 6e-5 in log-odds, and a network that has collapsed differs by little more."""


@dataclass(frozen=True)
class Fusion:
    """A weighted average of two margins, each standardised over the pool.

    Neither judge weighs more for being bolder, and unlike an average of ranks this keeps how far the few
    at the top stand out.

    Attributes
    ----------
    means, deviations
        Means and deviations of the two margins over the pool.
    weight
        Weight of the second one, 0 to 1.
    """

    means: tuple[float, float]
    deviations: tuple[float, float]
    weight: float

    @classmethod
    def of(cls, first: np.ndarray, second: np.ndarray, weight: float = 0.5) -> Fusion:
        """Measure two margins of a pool, float ``(n,)`` each, where both are finite."""
        margins = np.stack([first, second]).astype(np.float64)
        margins = margins[:, np.isfinite(margins).all(axis=0)]
        if margins.shape[1] == 0:
            return cls((0.0, 0.0), (1.0, 1.0), weight)
        means, deviations = margins.mean(axis=1), margins.std(axis=1)
        deviations[deviations < LEAST_DEVIATION] = 1
        return cls((float(means[0]), float(means[1])), (float(deviations[0]), float(deviations[1])), weight)

    def margins(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Fuse two margins, of the pool or of other images.

        Parameters
        ----------
        first, second
            float ``(n,)``; an image that either has none for (NaN) gets none.

        Returns
        -------
        numpy.ndarray
            float64 ``(n,)``, in deviations of the pool.
        """
        one, other = (
            (margins - mean) / deviation
            for margins, mean, deviation in zip((first, second), self.means, self.deviations, strict=True)
        )
        fused: np.ndarray = (1 - self.weight) * one + self.weight * other
        return fused


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """Return the log-odds of probabilities, float64 ``(n,)``; those of 0 and 1 stay finite."""
    clipped = np.clip(probabilities.astype(np.float64), _EDGE, 1 - _EDGE)
    odds: np.ndarray = np.log(clipped) - np.log1p(-clipped)
    return odds
