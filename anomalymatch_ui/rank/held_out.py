"""What labels tell by margins of heads that have not seen them: where anomalies lie, and how many are left.

References
----------
.. [1] Zippin 1958, "The removal method of population estimation", Journal of Wildlife Management 22, 82.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, log_ndtr, logsumexp, ndtr

EXAMPLE_WEIGHT = 0.25
"""What a label that was no look counts: five held-out margins are few, of heads that knew fewer labels."""

FRONT = 10
"""The mean margin of so many of the best images without a label is how far the list has been looked at."""

IN_VAIN = 40
"""The last looks of which the share in vain tells how far the list is exhausted above there."""

SPREAD, SPREAD_OF_SPREAD = 1.5, 0.4
"""Deviation of the anomalies' margins, in deviations of the pool: median and deviation of a lognormal."""

UNLIKE = ((0.0, 0.15), (0.03, 0.25), (0.08, 0.3), (0.15, 0.2), (0.25, 0.1))
"""Share of the anomalies that no head tells from the rest, and how far each is believed.

Of 60 photographs of one breed of dog six to ten stand among all others, however many of it are labelled.
"""

_MEANS, _SPREADS = np.linspace(-1, 14, 61), np.exp(np.linspace(np.log(0.6), np.log(3.5), 12))
_NEGLIGIBLE = -10.0  # in log-likelihood below the best


@dataclass(frozen=True)
class HeldOut:
    """Labels, each with its margin by a head that has not seen it.

    Attributes
    ----------
    margins
        float ``(n,)``; NaN where there is none.
    is_anomaly, is_look
        What each is, and whether a ranking chose it, bool ``(n,)``. The others are examples.
    """

    margins: np.ndarray
    is_anomaly: np.ndarray
    is_look: np.ndarray


def of_examples(
    margins: np.ndarray, is_anomaly: np.ndarray, levels: np.ndarray, slopes: np.ndarray, share: np.ndarray
) -> np.ndarray:
    """Return the log-likelihood of examples' margins given what they are, float64 ``(nodes,)``.

    Examples were chosen by what they are, so that shares cancel.

    Parameters
    ----------
    margins, is_anomaly
        In deviations of the pool, float and bool ``(n,)``; NaN says nothing.
    levels, slopes, share
        Of each node of a forecast's grid, the last one that of anomalies among those left.
    """
    known = np.isfinite(margins)
    share = np.clip(share, 1e-12, 1 - 1e-12)
    signs = np.where(is_anomaly[known], 1.0, -1.0)
    log_odds = levels[:, None] + slopes[:, None] * margins[known]
    of_class = np.log(np.where(signs > 0, share[:, None], 1 - share[:, None]))
    likelihood: np.ndarray = (-np.logaddexp(0, -signs * log_odds) - of_class).sum(axis=1)
    return EXAMPLE_WEIGHT * likelihood


def of_finds(
    examples: np.ndarray, finds: np.ndarray, pool: np.ndarray, in_vain: float, left: np.ndarray
) -> np.ndarray:
    """Return the log-likelihood of how many anomalies the looks have found, given those left.

    A search that takes the best first removes from the anomalies those above a margin, and leaves those
    below it [1]_. The margins of the known ones tell the share below: examples lie anywhere, finds above.
    They are taken for normally distributed, apart from a few that are like no other (:data:`UNLIKE`).

    Parameters
    ----------
    examples, finds
        Margins of the anomalies that were no looks, and of those that were, by heads that have not seen them,
        in deviations of the pool, float ``(n,)``; NaN where there is none.
    pool
        Those of the images without a label, float ``(m,)``.
    in_vain
        Share of the last :data:`IN_VAIN` looks that found nothing. While each finds one, anomalies stand in
        front, and where the list stands says nothing of how many follow.
    left
        Anomalies left, of each node of a forecast's grid, float64 ``(nodes,)``.
    """
    if len(finds) == 0 or in_vain == 0:
        return np.zeros(len(left))
    count = min(FRONT, len(pool))
    front = float(np.partition(pool, len(pool) - count)[len(pool) - count :].mean())
    below, log_weights = _share_below(front, examples[np.isfinite(examples)], finds[np.isfinite(finds)])
    found, left = len(finds), left[:, None]
    ways = gammaln(found + left + 1) - gammaln(left + 1) - gammaln(found + 1)
    chances = log_weights + found * np.log1p(-below) + left * np.log(below)
    likelihood: np.ndarray = in_vain * logsumexp(ways + chances, axis=1)
    return likelihood


def _share_below(front: float, examples: np.ndarray, finds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return shares of the anomalies that lie below a margin, and the logarithm of each one's weight."""
    means, spreads = _MEANS[:, None], _SPREADS[None, :]
    belief = -((np.log(spreads / SPREAD) / SPREAD_OF_SPREAD) ** 2) / 2 + np.zeros_like(means)
    for margins in (examples, finds):
        for margin in margins:
            belief = belief - ((margin - means) / spreads) ** 2 / 2 - np.log(spreads)
    # A find was above the front of its time; one that lies below today's is by the head's own change.
    belief = belief - (finds > front).sum() * log_ndtr((means - front) / spreads)
    shares, belief = ndtr((front - means) / spreads).ravel(), (belief - logsumexp(belief)).ravel()
    kept = belief > belief.max() + _NEGLIGIBLE
    shares, belief = shares[kept], belief[kept]
    mixed = np.concatenate([unlike + (1 - unlike) * shares for unlike, _ in UNLIKE])
    weights = np.concatenate([belief + np.log(believed) for _, believed in UNLIKE])
    return np.clip(mixed, 1e-9, 1 - 1e-9), weights
