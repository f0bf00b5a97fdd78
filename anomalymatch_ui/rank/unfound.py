"""How many anomalies nobody has seen yet, from the share of images drawn by chance.

Images chosen by a ranking say nothing of those it passes over. Images drawn uniformly do, however
few: their anomalies follow a hypergeometric distribution whatever the ranking is worth.

References
----------
.. [1] Clopper & Pearson 1934, "The use of confidence or fiducial limits", Biometrika 26, 404.
.. [2] Brown, Cai & DasGupta 2001, "Interval Estimation for a Binomial Proportion", Statistical
   Science 16, 101.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from anomalymatch_ui.errors import InputError


@dataclass(frozen=True)
class Unfound:
    """Anomalies among the images that nobody has labelled.

    Attributes
    ----------
    expected
        The share among the images drawn, times those left; NaN while none is drawn.
    low, high
        Ends of the interval, in images.
    """

    expected: float
    low: int
    high: int


def estimate_unfound(anomalies: int, looked_at: int, unlabelled: int, *, confidence: float = 0.95) -> Unfound:
    """Estimate how many anomalies are left among the unlabelled images.

    The interval inverts the two one-sided hypergeometric tests, Clopper and Pearson's [1]_ for a
    finite pool: it holds the truth at least as often as it says. Shorter intervals hold it so often
    on average only [2]_, and fail where a search ends, at 0 or 1 anomaly drawn.

    Images that a ranking chose since the first draw must not be counted. As they are richer in
    anomalies than what they leave, the estimate then errs upwards, never towards stopping early.

    Parameters
    ----------
    anomalies
        Anomalies among the images drawn.
    looked_at
        Images drawn uniformly among the unlabelled ones, and labelled.
    unlabelled
        Images that have no label now.
    confidence
        Least probability that the interval holds the truth, between 0 and 1.

    Raises
    ------
    InputError
        If the numbers contradict each other.

    Examples
    --------
    >>> estimate_unfound(1, 100, 9_900)
    Unfound(expected=99.0, low=2, high=541)
    """
    if not 0 <= anomalies <= looked_at or unlabelled < 0:
        raise InputError(
            f"{anomalies} anomalies among {looked_at} images drawn, with {unlabelled} left, cannot be: "
            "give numbers from 0 up, no more anomalies than images."
        )
    if not 0 < confidence < 1:
        raise InputError(f"A confidence of {confidence:g} cannot be kept. Give one above 0 and below 1.")
    if unlabelled == 0:
        return Unfound(0.0, 0, 0)
    if looked_at == 0:
        return Unfound(float("nan"), 0, unlabelled)
    low, high = _interval(anomalies, looked_at, unlabelled, (1 - confidence) / 2)
    return Unfound(anomalies / looked_at * unlabelled, low, high)


def _interval(anomalies: int, looked_at: int, unlabelled: int, tail: float) -> tuple[int, int]:
    """Find the least and the greatest number left that the draw does not refute."""
    from scipy.stats import hypergeom

    images = looked_at + unlabelled

    def few_enough(left: int) -> bool:  # so many left, and a draw this poor is no surprise
        return bool(hypergeom.cdf(anomalies, images, anomalies + left, looked_at) > tail)

    def too_few(left: int) -> bool:  # so few left, and a draw this rich is a surprise
        return bool(hypergeom.sf(anomalies - 1, images, anomalies + left, looked_at) <= tail)

    return _first_false(too_few, unlabelled), _first_false(few_enough, unlabelled + 1) - 1


def _first_false(holds: Callable[[int], bool], stop: int) -> int:
    """Bisect for the first number below ``stop`` of which ``holds`` is false; ``stop`` if none is."""
    low, high = 0, stop
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            low = middle + 1
        else:
            high = middle
    return low
