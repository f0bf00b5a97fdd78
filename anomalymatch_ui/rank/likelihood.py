"""What has happened in a search says of a forecast's grid: a log-likelihood of each node for each evidence.

A node is a level and a slope of the log-odds, and how many anomalies are like no other. All arrays of nodes
are ``(pairs, shares)``: pairs of a level and a slope, and shares of :data:`UNLIKE`.

References
----------
.. [1] Zippin 1958, "The removal method of population estimation", Journal of Wildlife Management 22, 82.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.special import gammaln, log_ndtr, logsumexp, ndtr

UNLIKE = ((0.0, 0.15), (0.03, 0.25), (0.08, 0.3), (0.15, 0.2), (0.25, 0.1))
"""Share of the anomalies that no head tells from the rest, and how far each is believed.

Of 60 photographs of one breed of dog eight stand among all others, however many of it are labelled.
"""

LOOK_WEIGHT = 1.0
"""What the newest look counts, after many of them."""

FEW_LOOKS = 10
"""So many looks count half: heads of few labels change much, so what their order said says less of now."""

HALF_LIFE = 20
"""Looks after which one counts half. The head is fitted anew all the time, and the best are taken away."""

DEPLETION = 1.0
"""Power of the share of what was left, at a look, that is left now, by which its odds have fallen since."""

EXAMPLE_WEIGHT = 0.2
"""What a label that was no look counts: five held-out margins are few, of heads that knew fewer labels."""

FRONT = 10
"""The mean margin of so many of the best images without a label is how far the list has been looked at."""

IN_VAIN = 40
"""The last looks of which the share in vain tells how far the list is exhausted above there."""

SPREAD, SPREAD_OF_SPREAD = 1.5, 0.4
"""Deviation of the anomalies' margins, in deviations of the pool: median and deviation of a lognormal."""

_MEANS, _SPREADS = np.linspace(-1, 14, 61), np.exp(np.linspace(np.log(0.6), np.log(3.5), 12))
_NEGLIGIBLE = -10.0  # in log-likelihood below the best
_LEAST = 1e-300


@dataclass(frozen=True)
class Looks:
    """What was looked at, in order, each with what the order of its time said of it.

    Attributes
    ----------
    heights
        :meth:`Scale.heights` of each image before it was labelled, float ``(n,)``.
    is_anomaly
        What it turned out to be, bool ``(n,)``.
    """

    heights: np.ndarray = field(default_factory=lambda: np.empty(0))
    is_anomaly: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=bool))


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


@dataclass(frozen=True)
class Grid:
    """Nodes of a forecast, and what each makes of the images without a label.

    Attributes
    ----------
    levels, slopes
        Levels and slopes of the log-odds, float64 ``(pairs, 1)``.
    floors
        Probability that any image is an anomaly like no other, float64 ``(pairs, shares)``.
    told, left
        Anomalies left: those that the margins tell, ``(pairs, 1)``, and all of them, ``(pairs, shares)``.
    """

    levels: np.ndarray
    slopes: np.ndarray
    floors: np.ndarray
    told: np.ndarray
    left: np.ndarray

    @classmethod
    def of(cls, levels: np.ndarray, slopes: np.ndarray, told: np.ndarray, images: float, found: int) -> Grid:
        """Add the anomalies that are like no other, :data:`UNLIKE`, which may be any of the images left."""
        share = np.array([unlike for unlike, _ in UNLIKE])
        told = told[:, None]
        others = np.maximum(images - told, _LEAST)
        floors = np.minimum(share / (1 - share) * (found + told) / others, 0.5)
        return cls(levels[:, None], slopes[:, None], floors, told, told + floors * others)

    def log_probabilities(
        self, margins: np.ndarray, gained: np.ndarray | float, is_anomaly: np.ndarray
    ) -> np.ndarray:
        """Return the log-probability that images are what they are, float64 ``(pairs, shares, n)``.

        Parameters
        ----------
        margins, is_anomaly
            In deviations of the pool, and what each is, float and bool ``(n,)``.
        gained
            Added to the log-odds, float ``(pairs, n)``.
        """
        signs = np.where(is_anomaly, 1.0, -1.0)
        log_odds = self.levels + self.slopes * margins + gained
        told = -np.logaddexp(0, -signs * log_odds)[:, None, :]
        floors = self.floors[:, :, None]
        by_chance = np.log(np.maximum(np.exp(told) * (1 - floors) + floors, _LEAST))
        told_or_not: np.ndarray = np.where(is_anomaly, by_chance, told + np.log1p(-floors))
        return told_or_not


def of_looks(grid: Grid, margins: np.ndarray, is_anomaly: np.ndarray, found: int) -> np.ndarray:
    """Return what looks say, each of which was a forecast.

    Parameters
    ----------
    grid
        The nodes.
    margins, is_anomaly
        In order, where each stood above the best of its time, brought to those of now; and what it is.
    found
        Anomalies with a label.
    """
    age = np.arange(len(margins))[::-1]
    recent = age < 8 * HALF_LIFE
    found_since = np.minimum(np.cumsum(is_anomaly[::-1])[::-1], found)[recent]
    weights = LOOK_WEIGHT * len(margins) / (len(margins) + FEW_LOOKS) * 0.5 ** (age[recent] / HALF_LIFE)
    depletion = DEPLETION * np.log1p(found_since / grid.told)
    likelihood: np.ndarray = grid.log_probabilities(margins[recent], depletion, is_anomaly[recent]) @ weights
    return likelihood


def of_examples(grid: Grid, margins: np.ndarray, is_anomaly: np.ndarray, images: float) -> np.ndarray:
    """Return what the margins of examples say, given what they are: they were chosen by it.

    Parameters
    ----------
    grid
        The nodes.
    margins, is_anomaly
        Of heads that have not seen them, in deviations of the pool; NaN says nothing.
    images
        How many are left.
    """
    known = np.isfinite(margins)
    share = np.clip(grid.left / images, 1e-12, 1 - 1e-12)
    anomalies = int(is_anomaly[known].sum())
    of_class = anomalies * np.log(share) + (int(known.sum()) - anomalies) * np.log1p(-share)
    likelihood: np.ndarray = (
        grid.log_probabilities(margins[known], 0.0, is_anomaly[known]).sum(axis=2) - of_class
    )
    return EXAMPLE_WEIGHT * likelihood


def of_draws(grid: Grid, drawn: tuple[int, int], images: int, found: int) -> np.ndarray:
    """Return what images drawn uniformly say: hypergeometric, of a total that need not be whole.

    Parameters
    ----------
    grid
        The nodes.
    drawn
        Anomalies among those drawn and judged, and how many these are.
    images, found
        All that can be read, and anomalies with a label.
    """
    total = found + grid.left
    anomalies, nominals = drawn[0], drawn[1] - drawn[0]
    others = np.maximum(images - total, 0)
    possible = (total >= anomalies) & (others >= nominals)
    ways = gammaln(total + 1) - gammaln(np.maximum(total - anomalies, 0) + 1)
    ways += gammaln(others + 1) - gammaln(np.maximum(others - nominals, 0) + 1)
    likelihood: np.ndarray = np.where(possible, ways, ways.min() - 1e3)
    return likelihood


def of_finds(
    examples: np.ndarray, finds: np.ndarray, pool: np.ndarray, in_vain: float, told: np.ndarray
) -> np.ndarray:
    """Return what the finds say of how many anomalies follow that the margins tell, of the shape of ``told``.

    A search that takes the best first removes from the anomalies those above a margin, and leaves those
    below it [1]_. The margins of the known ones, taken for normally distributed, tell the share below:
    examples lie anywhere, finds above.

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
    told
        Told of each node, see :class:`Grid`.
    """
    if len(finds) == 0 or in_vain == 0:
        return np.zeros_like(told)
    count = min(FRONT, len(pool))
    front = float(np.partition(pool, len(pool) - count)[len(pool) - count :].mean())
    below, log_weights = _share_below(front, examples[np.isfinite(examples)], finds[np.isfinite(finds)])
    found, left = len(finds), told[..., None]
    ways = gammaln(found + left + 1) - gammaln(left + 1) - gammaln(found + 1)
    chances = log_weights + found * np.log1p(-below) + left * np.log(below)
    likelihood: np.ndarray = in_vain * logsumexp(ways + chances, axis=-1)
    return likelihood


def _share_below(front: float, examples: np.ndarray, finds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return shares of the anomalies that lie below a margin, and the logarithm of each one's weight."""
    means, spreads = _MEANS[:, None], _SPREADS[None, :]
    belief = -((np.log(spreads / SPREAD) / SPREAD_OF_SPREAD) ** 2) / 2 + np.zeros_like(means)
    for margin in (*examples, *finds):
        belief = belief - ((margin - means) / spreads) ** 2 / 2 - np.log(spreads)
    # A find was above the front of its time; one that lies below today's is by the head's own change.
    belief = belief - (finds > front).sum() * log_ndtr((means - front) / spreads)
    below = np.clip(ndtr((front - means) / spreads), 1e-9, 1 - 1e-9).ravel()
    belief = (belief - logsumexp(belief)).ravel()
    kept = belief > belief.max() + _NEGLIGIBLE
    return below[kept], belief[kept]
