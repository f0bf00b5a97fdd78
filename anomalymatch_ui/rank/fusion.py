"""One order from two judges: the linear head, which never fails badly, and the trained network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_EDGE = 1e-6  # a probability nearer to 0 or 1 than this counts as this


@dataclass(frozen=True)
class Fusion:
    """An average of two scores on the scale of their log-odds.

    Each score's log-odds are standardised over the pool first, so that neither judge weighs more for
    being bolder. Unlike an average of ranks this keeps how far the few at the top stand out.

    Attributes
    ----------
    means, deviations
        Of the log-odds of the two scores over the pool.
    """

    means: tuple[float, float]
    deviations: tuple[float, float]

    @classmethod
    def of(cls, first: np.ndarray, second: np.ndarray) -> Fusion:
        """Measure two scores of a pool, float ``(n,)`` each; rows where either is NaN are left out."""
        margins = np.stack([_log_odds(first), _log_odds(second)])
        margins = margins[:, ~np.isnan(margins).any(axis=0)]
        if margins.shape[1] == 0:
            return cls((0.0, 0.0), (1.0, 1.0))
        means, deviations = margins.mean(axis=1), margins.std(axis=1)
        return cls((float(means[0]), float(means[1])), (float(deviations[0]), float(deviations[1])))

    def scores(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Fuse two scores, of the pool or of other images.

        Parameters
        ----------
        first, second
            Probabilities, float ``(n,)``; an image that either has no score for (NaN) gets none.

        Returns
        -------
        numpy.ndarray
            float32 ``(n,)`` in [0, 1], on the mean location and scale of the two.
        """
        standardised = [
            (_log_odds(scores) - mean) / (deviation or 1.0)
            for scores, mean, deviation in zip((first, second), self.means, self.deviations, strict=True)
        ]
        location, scale = np.mean(self.means), np.mean(self.deviations) or 1.0
        fused: np.ndarray = 1 / (1 + np.exp(-(location + scale * np.mean(standardised, axis=0))))
        return fused.astype(np.float32)


def _log_odds(probabilities: np.ndarray) -> np.ndarray:
    clipped = np.clip(probabilities.astype(np.float64), _EDGE, 1 - _EDGE)
    odds: np.ndarray = np.log(clipped) - np.log1p(-clipped)
    return odds
