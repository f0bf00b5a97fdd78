"""One order from two judges: the linear head, which never fails badly, and the trained network."""

from __future__ import annotations

import numpy as np

_EDGE = 1e-6  # a probability nearer to 0 or 1 than this counts as this


def fuse_scores(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Average two scores on the scale of their log-odds.

    Each score's log-odds are standardised over the pool first, so that neither judge weighs more for
    being bolder. Unlike an average of ranks this keeps how far the few at the top stand out.

    Parameters
    ----------
    first, second
        Probabilities, float ``(n,)``; an image that either has no score for (NaN) gets none.

    Returns
    -------
    numpy.ndarray
        float32 ``(n,)`` in [0, 1], on the mean location and scale of the two.
    """
    margins = [_log_odds(scores) for scores in (first, second)]
    known = ~np.isnan(margins[0] + margins[1])
    fused = np.full(len(first), np.nan)
    if known.any():
        means = [margin[known].mean() for margin in margins]
        deviations = [margin[known].std() for margin in margins]
        standardised = [
            (margin[known] - mean) / (deviation or 1.0)
            for margin, mean, deviation in zip(margins, means, deviations, strict=True)
        ]
        scale = np.mean(deviations) or 1.0
        fused[known] = np.mean(means) + scale * np.mean(standardised, axis=0)
    probabilities: np.ndarray = 1 / (1 + np.exp(-fused))
    return probabilities.astype(np.float32)


def _log_odds(probabilities: np.ndarray) -> np.ndarray:
    clipped = np.clip(probabilities.astype(np.float64), _EDGE, 1 - _EDGE)
    odds: np.ndarray = np.log(clipped) - np.log1p(-clipped)
    return odds
