"""What share of objects a search finds, told by objects painted into its images: arrays in, arrays out.

References
----------
.. [1] Clopper & Pearson 1934, "The Use of Confidence or Fiducial Limits Illustrated in the Case of the
   Binomial", Biometrika 26, 404.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

_TAIL = 0.025  # each side of a 95 % interval

LEAST_IN_BIN = 20
"""Objects in a bin, if there are as many: the interval of a half is then 0.46 wide."""


@dataclass(frozen=True)
class Shares:
    """Shares of objects that were recovered, one for each bin.

    Attributes
    ----------
    low, high
        Ends of the bins, float64 ``(n,)``: a value belongs to ``low <= value < high``, in the last bin also
        where it is ``high``.
    painted, recovered
        How many objects, int64 ``(n,)``.
    """

    low: np.ndarray
    high: np.ndarray
    painted: np.ndarray
    recovered: np.ndarray

    @property
    def fraction(self) -> np.ndarray:
        """Recovered of painted, float64 ``(n,)``; NaN of an empty bin."""
        empty = np.full(len(self.painted), np.nan)
        fraction: np.ndarray = np.divide(self.recovered, self.painted, out=empty, where=self.painted > 0)
        return fraction

    @property
    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the 95 % interval of the fraction; see :func:`binomial_interval`."""
        return binomial_interval(self.recovered, self.painted)


def places_among(scores: np.ndarray, order: np.ndarray, replaced: np.ndarray) -> np.ndarray:
    """Return the place that each object would have in an order, had it stood in it.

    Parameters
    ----------
    scores
        Scores of the objects, float ``(n,)``; NaN where one could not be read.
    order
        Scores of the images that are in the order, float ``(m,)``; NaN where one has none.
    replaced
        Which image each object would stand for, int64 ``(n,)``: that one is not in its way.

    Returns
    -------
    numpy.ndarray
        int64 ``(n,)``, 1 for the first place, before images of the same score; 0 where the score is NaN.
    """
    ascending = np.sort(order[~np.isnan(order)])
    higher = len(ascending) - np.searchsorted(ascending, scores, side="right")
    places = 1 + higher - (order[replaced] > scores)
    return np.where(np.isnan(scores), 0, places).astype(np.int64)


def shares_by(values: np.ndarray, recovered: np.ndarray, bins: int = 6) -> Shares:
    """Return the share recovered against a property of the objects, in bins of about equal numbers.

    Parameters
    ----------
    values
        The property, float ``(n,)``; objects where it is not finite are left out.
    recovered
        bool ``(n,)``.
    bins
        How many at most; fewer where a bin would have less than :data:`LEAST_IN_BIN`.
    """
    known = np.isfinite(values)
    values, recovered = values[known], recovered[known]
    if len(values) == 0:
        return Shares(np.empty(0), np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64))
    count = max(1, min(bins, len(values) // LEAST_IN_BIN))
    edges = np.unique(np.quantile(values, np.linspace(0, 1, count + 1)))
    if len(edges) == 1:
        edges = np.repeat(edges, 2)
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    painted = np.bincount(place, minlength=len(edges) - 1)
    return Shares(edges[:-1], edges[1:], painted, np.bincount(place[recovered], minlength=len(edges) - 1))


def shares_within(places: np.ndarray, images: int) -> Shares:
    """Return the share of objects among the first images of the order, for 10, 20, 50, 100 … of them.

    Parameters
    ----------
    places
        From :func:`places_among`, without those that are 0.
    images
        How many there are in the order.
    """
    steps = np.outer(10 ** np.arange(1, 12), [1, 2, 5]).ravel()
    first = np.append(steps[steps < images], images)
    recovered = np.searchsorted(np.sort(places), first, side="right")
    painted = np.full(len(first), len(places))
    return Shares(np.ones(len(first)), first.astype(float), painted, recovered)


def binomial_interval(successes: np.ndarray, trials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the exact 95 % interval of a share, after Clopper and Pearson [1]_.

    Parameters
    ----------
    successes, trials
        int64 ``(n,)``.

    Returns
    -------
    low, high
        float64 ``(n,)`` in [0, 1]; NaN where there are no trials.
    """
    failures = trials - successes
    # At the ends the quantile of the beta distribution is a limit that SciPy does not give.
    low = np.where(successes > 0, betaincinv(np.maximum(successes, 1), failures + 1, _TAIL), 0.0)
    high = np.where(failures > 0, betaincinv(successes + 1, np.maximum(failures, 1), 1 - _TAIL), 1.0)
    unknown = trials == 0
    low[unknown] = high[unknown] = np.nan
    return low, high
