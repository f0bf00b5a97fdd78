"""How many anomalies there are, where they are, and how sure that is: one model for every number shown.

An image's log-odds of being an anomaly rise linearly with its margin, as Platt has it [1]_. How steeply, and
from where, is not known, nor how many anomalies are like no other, so that no margin tells them; a grid over
the three holds how well each node explains what has happened, and all numbers are averages over that grid. So
they cannot contradict each other: the probabilities on the cards add up to what is expected, the first
hundred hold no more than all, and all no less than what is found.

What has happened, in the order of its weight:

- *Every look was a forecast.* The image had a margin before it had a label, so its label is a fair test,
  however the image was chosen [2]_. Old looks count less, for the order that made them is gone.
- *The number of anomalies* is as uncertain at first as a lognormal over two decades says, or nearly what a
  person expects.
- *Images drawn uniformly* hold anomalies by the hypergeometric distribution, whatever the order is worth.

- *Examples*, labels that were there before anybody looked, were chosen by what they are. They say nothing of
  how rare that is, but how far above the pool such images lie.
- *Finds* lie above what is left to look at; how far above tells how many are left
  (:func:`~anomalymatch_ui.rank.likelihood.of_finds`).

References
----------
.. [1] Platt 1999, "Probabilistic Outputs for Support Vector Machines".
.. [2] Dawid 1984, "Statistical Theory: The Prequential Approach", J. R. Statist. Soc. A 147, 278.
.. [3] Hong 2013, "On computing the distribution function for the Poisson binomial distribution",
   Computational Statistics & Data Analysis 59, 41.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, expit

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.rank.likelihood import (
    IN_VAIN,
    UNLIKE,
    Grid,
    HeldOut,
    Looks,
    of_draws,
    of_examples,
    of_finds,
    of_looks,
)
from anomalymatch_ui.rank.order import order_by_score

PREVALENCE = 0.02
"""Share of anomalies before anything is known: the median of a lognormal."""

PREVALENCE_SPREAD = 1.2
"""Its standard deviation, in natural logarithms: 95 % of it lie between 0.2 and 20 %."""

GIVEN_SPREAD = 0.4
"""The same where a person gave the prevalence: right within a factor of 2.2 in 95 of 100 cases."""

SLOPE, SLOPE_SPREAD = 1.5, 0.5
"""Rise of the log-odds over one deviation of the pool's margins, before any look: mean and deviation.

Fitted to the truth about what was unlabelled it was 0.6 to 2.1 in 200 looks for barred galaxies, and up to 3
for edge-on ones.
"""

BEST = 100
"""Images whose mean margin is where looks at different times meet: the top of the list then and now."""

FAR = 5.0
"""Log-odds (0.993) from which they rise by their logarithm only: no handful of labels vouches for more, and
the best keep their order in float32, which has no number between 1 - 6e-8 and 1."""

LEAST_SCALE = 1e-6
"""Margins that differ by less differ by rounding only."""

_SLOPES, _LEVELS = 9, 60
_LEVEL_RANGE = (-16.0, 4.0)
_ALONE, _TOGETHER = 200, 200  # the best images each for itself, the others in so many groups
_KEPT = 0.999  # of the grid's weight; the rest is in nodes that cost time and change nothing
_TAIL = 0.025


@dataclass(frozen=True)
class Scale:
    """Where margins lie among those of the unlabelled pool, so that no head's own units count.

    Attributes
    ----------
    centre, deviation
        Median, and the deviation that the anomalies' own tail does not widen.
    best
        Mean of the best hundred, in deviations above the median.
    """

    centre: float
    deviation: float
    best: float

    @classmethod
    def of(cls, margins: np.ndarray) -> Scale:
        """Measure the margins of the unlabelled images, float ``(n,)``; those not finite are left out."""
        known = margins[np.isfinite(margins)].astype(np.float64)
        if len(known) == 0:
            return cls(0.0, 1.0, 0.0)
        known.sort()
        centre = float(known[(len(known) - 1) // 2 : len(known) // 2 + 1].mean())
        normal = 1.4826 * float(np.median(np.abs(known - centre)))
        deviation = normal if normal > LEAST_SCALE else float(known.std())
        deviation = deviation if deviation > LEAST_SCALE else 1.0
        count = min(BEST, len(known))
        best = float(known[len(known) - count :].mean())
        return cls(centre, deviation, (best - centre) / deviation)

    def standardised(self, margins: np.ndarray) -> np.ndarray:
        """Return margins in deviations from the median, float64 ``(n,)``."""
        values: np.ndarray = (np.asarray(margins, dtype=np.float64) - self.centre) / self.deviation
        return values

    def heights(self, margins: np.ndarray) -> np.ndarray:
        """Return margins in deviations above the best hundred: what is kept of a look, float64 ``(n,)``."""
        heights: np.ndarray = self.standardised(margins) - self.best
        return heights


@dataclass(frozen=True)
class Count:
    """A number of anomalies that is not known yet.

    Attributes
    ----------
    expected
        Its mean.
    low, high
        Ends of its 95 % interval.
    """

    expected: float
    low: int
    high: int

    def plus(self, found: int) -> Count:
        """Add what is known."""
        return Count(self.expected + found, self.low + found, self.high + found)

    def at_least(self, part: Count) -> Count:
        """Return the number of all, given that of a part of them: what rounding made less is taken back."""
        return Count(max(self.expected, part.expected), max(self.low, part.low), max(self.high, part.high))


@dataclass(frozen=True)
class Forecast:
    """What is believed of the unlabelled images.

    Attributes
    ----------
    scale
        On which margins are read.
    levels, slopes, floors, weights
        Log-odds at the median margin, their rise over one deviation, the probability of an anomaly that no
        margin tells, and how far each node is believed, float64 ``(nodes,)``; the weights add up to 1.
    """

    scale: Scale
    levels: np.ndarray
    slopes: np.ndarray
    floors: np.ndarray
    weights: np.ndarray

    def probabilities(self, margins: np.ndarray) -> np.ndarray:
        """Return the probability of an anomaly, float32 ``(n,)``, in their order; NaN for NaN."""
        grid = self._grid(margins)
        # Nodes that differ in the floor alone share the costly part, of 1,000s of margins and 100s of nodes.
        pairs, pair = np.unique(np.stack([self.levels, self.slopes]), axis=1, return_inverse=True)
        of_pairs = np.bincount(pair.ravel(), self.weights * (1 - self.floors), minlength=pairs.shape[1])
        known = of_pairs @ _chances(pairs[0], pairs[1], grid) + self.weights @ self.floors
        standardised = self.scale.standardised(margins)
        return _interpolated(standardised, grid, known).astype(np.float32)

    def interval(self, margins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return between what the probability of an anomaly lies with 95 %, as far as the nodes disagree.

        Parameters
        ----------
        margins
            float ``(n,)``.

        Returns
        -------
        low, high
            float32 ``(n,)``; NaN for NaN.
        """
        grid = self._grid(margins)
        chances = self._by_node(grid)
        order = np.argsort(chances, axis=0)
        believed = np.cumsum(self.weights[order], axis=0) / self.weights.sum()
        standardised, ends = self.scale.standardised(margins), []
        for tail in (_TAIL, 1 - _TAIL):
            place = np.minimum((believed < tail).sum(axis=0), len(chances) - 1)
            at = np.take_along_axis(chances, np.take_along_axis(order, place[None], 0), 0)[0]
            ends.append(np.where(np.isnan(standardised), np.nan, np.interp(standardised, grid, at)))
        expected = self.probabilities(margins)  # a mean may lie beyond what nearly all nodes say
        return np.fmin(ends[0], expected).astype(np.float32), np.fmax(ends[1], expected).astype(np.float32)

    def count(self, margins: np.ndarray, multiplicities: np.ndarray | None = None) -> Count:
        """Return how many anomalies are among images without a label.

        Given a node of the grid, the count of independent images follows the Poisson binomial distribution
        [3]_, here by a binomial of its mean and variance; the interval is that of the mixture of all nodes.

        Parameters
        ----------
        margins
            float ``(n,)``; those not finite are left out.
        multiplicities
            How many images each stands for, float ``(n,)``; ``None`` for one each.
        """
        values, counts = _condensed(self.scale.standardised(margins), multiplicities)
        if len(values) == 0:
            return Count(0.0, 0, 0)
        chances = self._by_node(values)
        means = chances @ counts
        variances = (chances * (1 - chances)) @ counts
        most = int(np.ceil(counts.sum()))
        expected = float(self.weights @ means)

        def below(number: int) -> float:
            return float(self.weights @ _binomial_cdf(number, means, variances))

        low, high = (_first_at_least(tail, below, most) for tail in (_TAIL, 1 - _TAIL))
        nearest = int(expected + 0.5)  # what is shown lies within what is shown beside it
        return Count(expected, min(low, nearest), max(high, nearest))

    def _by_node(self, standardised: np.ndarray) -> np.ndarray:
        told = _chances(self.levels, self.slopes, standardised)
        chances: np.ndarray = told + self.floors[:, None] * (1 - told)
        return chances

    def _grid(self, margins: np.ndarray) -> np.ndarray:
        """Return points close enough to interpolate between, in place of a million margins."""
        known = self.scale.standardised(margins[np.isfinite(margins)])
        if len(known) < 2_000:
            return np.unique(known) if len(known) else np.zeros(1)
        ordered = np.sort(known)
        even = np.linspace(ordered[0], ordered[-1], 1_000)
        # One image far from all others would leave next to no even points among these.
        by_rank = ordered[np.linspace(0, len(ordered) - 1, 1_000).astype(np.int64)]
        return np.unique(np.concatenate([even, by_rank, ordered[-_ALONE:]]))


def fit_forecast(
    margins: np.ndarray,
    *,
    found: int,
    images: int,
    looks: Looks | None = None,
    held_out: HeldOut | None = None,
    drawn: tuple[int, int] = (0, 0),
    prevalence: float | None = None,
    multiplicities: np.ndarray | None = None,
) -> Forecast:
    """Learn from what was looked at how many anomalies are left, and where.

    Parameters
    ----------
    margins
        Log-odds of any scale, of the unlabelled images, float ``(n,)``; those not finite are left out.
    found
        Anomalies among the labelled images.
    images
        All that can be read, with and without a label.
    looks
        In order; those among the images ``drawn`` are left out, for they count there.
    held_out
        The labels, with margins of heads that have not seen them.
    drawn
        Anomalies among images drawn uniformly from all, and how many were drawn and judged.
    prevalence
        Share of anomalies among all images that a person expects; ``None`` for :data:`PREVALENCE`, which is
        believed far less.
    multiplicities
        How many images each of ``margins`` stands for, float ``(n,)``; ``None`` for one each.

    Raises
    ------
    InputError
        If ``prevalence`` is not above 0 and below 1.
    """
    if prevalence is not None and not 0 < prevalence < 1:
        raise InputError(
            f"The prevalence cannot be {prevalence:g}: it is the expected share of anomalies among all "
            "images, above 0 and below 1. Give for example 0.01 for one in a hundred."
        )
    scale = Scale.of(margins)
    values, counts = _condensed(scale.standardised(margins), multiplicities)
    if len(values) == 0:  # nothing is left that could be an anomaly
        return Forecast(scale, np.array([_LEVEL_RANGE[0]]), np.array([SLOPE]), np.zeros(1), np.ones(1))
    slopes = SLOPE + SLOPE_SPREAD * np.linspace(-2.5, 2.5, _SLOPES)
    pairs = np.meshgrid(np.linspace(*_LEVEL_RANGE, _LEVELS), slopes)
    levels, slopes = (pair.ravel() for pair in pairs)
    chances, left = _chances(levels, slopes, values), float(counts.sum())
    grid = Grid.of(levels, slopes, chances @ counts, left, found)
    # The grid is even in the level; the prior is so in the logarithm of the total.
    evidence = np.log((chances * (1 - chances)) @ counts)[:, None] - np.log(found + grid.told)
    evidence = (
        evidence - ((grid.slopes - SLOPE) / SLOPE_SPREAD) ** 2 / 2 + np.log([weight for _, weight in UNLIKE])
    )
    expected, spread = (PREVALENCE, PREVALENCE_SPREAD) if prevalence is None else (prevalence, GIVEN_SPREAD)
    evidence -= (np.log((found + grid.left) / (expected * max(images, 1))) / spread) ** 2 / 2
    if looks is not None:
        evidence += of_looks(grid, scale.best + looks.heights, looks.is_anomaly, found)
    if held_out is not None:
        known, is_anomaly = scale.standardised(held_out.margins), held_out.is_anomaly
        examples, finds = ~held_out.is_look, held_out.is_look & is_anomaly
        evidence += of_examples(grid, known[examples], is_anomaly[examples], left)
        if looks is not None:
            in_vain = float((~looks.is_anomaly[-IN_VAIN:]).sum()) / IN_VAIN
            evidence += of_finds(known[examples & is_anomaly], known[finds], values, in_vain, grid.told)
    if drawn[1]:
        evidence += of_draws(grid, drawn, images, found)
    return _of_nodes(scale, grid, np.exp(evidence - evidence.max()))


def _chances(levels: np.ndarray, slopes: np.ndarray, standardised: np.ndarray) -> np.ndarray:
    """Return what each node's margins tell, float64 ``(nodes, n)``."""
    chances: np.ndarray = expit(_softened(levels[:, None] + slopes[:, None] * standardised))
    return chances


def _of_nodes(scale: Scale, grid: Grid, weights: np.ndarray) -> Forecast:
    nodes = np.broadcast_arrays(grid.levels, grid.slopes, grid.floors, weights / weights.sum())
    levels, slopes, floors, weights = (values.ravel() for values in nodes)
    order = np.argsort(-weights, kind="stable")
    kept = order[: int(np.searchsorted(np.cumsum(weights[order]), _KEPT)) + 1]
    return Forecast(scale, levels[kept], slopes[kept], floors[kept], weights[kept] / weights[kept].sum())


def _condensed(values: np.ndarray, multiplicities: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the best values alone and the others in groups of neighbours, and how many images each is."""
    known = np.isfinite(values)
    if multiplicities is None:
        values, counts = np.ascontiguousarray(np.sort(values[known])[::-1]), np.ones(np.count_nonzero(known))
    else:
        order = np.argsort(-values[known])
        values, counts = values[known][order], np.asarray(multiplicities, np.float64)[known][order]
    rest = len(values) - _ALONE
    if rest <= _TOGETHER:
        return values, counts
    edges = _ALONE + np.linspace(0, rest, _TOGETHER, endpoint=False).astype(np.int64)
    sums = np.add.reduceat(counts, edges)
    means = np.add.reduceat(values * counts, edges) / np.where(sums > 0, sums, 1)
    return np.concatenate([values[:_ALONE], means]), np.concatenate([counts[:_ALONE], sums])


def _interpolated(values: np.ndarray, grid: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return ``np.interp`` of a million values in half its time, float64 ``(n,)``; NaN for NaN.

    It finds the place of a value at once where that of the one before is near.
    """
    order = order_by_score(values.astype(np.float32))  # leaves out NaN, which between few points has a number
    interpolated = np.full(len(values), np.nan)
    interpolated[order] = np.interp(values[order], grid, known)
    return interpolated


def _softened(log_odds: np.ndarray) -> np.ndarray:
    beyond = np.maximum(log_odds - FAR, 0)
    softened: np.ndarray = np.minimum(log_odds, FAR) + np.log1p(beyond)
    return softened


def _binomial_cdf(number: int, means: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """Return the probability of at most ``number``, by the binomial of these means and variances."""
    chance = np.clip(1 - variances / np.maximum(means, 1e-300), 1e-9, 1 - 1e-9)
    trials = means / chance
    inside = number < trials
    tail = betainc(np.maximum(trials - number, 1e-12), number + 1.0, 1 - chance)
    below: np.ndarray = np.where(inside, tail, 1.0)
    return below


def _first_at_least(share: float, below: Callable[[int], float], last: int) -> int:
    """Bisect for the first number up to ``last`` whose ``below`` is at least ``share``."""
    low, high = 0, last
    while low < high:
        middle = (low + high) // 2
        if below(middle) >= share:
            high = middle
        else:
            low = middle + 1
    return low
