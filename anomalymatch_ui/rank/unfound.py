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
        Those expected in all images less those found, at least 0; NaN while no image that was judged
        counts as drawn.
    low, high
        Ends of the interval, in images.
    """

    expected: float
    low: int
    high: int


def estimate_unfound(
    anomalies: int,
    looked_at: int,
    *,
    found: int,
    labelled: int,
    images: int,
    unsure: int = 0,
    confidence: float = 0.95,
) -> Unfound:
    """Estimate how many anomalies are left among the unlabelled images.

    What is estimated is the number in all images; those found are known, and taken off.

    The interval inverts the two one-sided hypergeometric tests, Clopper and Pearson's [1]_ for a
    finite pool: it holds the truth at least as often as it says. Shorter intervals hold it so often
    on average only [2]_, and fail where a search ends, at 0 or 1 anomaly drawn.

    Parameters
    ----------
    anomalies
        Anomalies among the images drawn.
    looked_at
        Images drawn uniformly among all, and labelled: see
        :func:`~anomalymatch_ui.rank.draws.drawn_so_far`.
    found
        Anomalies among all images with a label.
    labelled
        Images with a label.
    images
        All of them, with and without a label.
    unsure
        Images among those drawn that nobody could judge. The estimate leaves them out; the interval holds
        the truth whether none of them is an anomaly or all are.
    confidence
        Least probability that the interval holds the truth, between 0 and 1.

    Raises
    ------
    InputError
        If the numbers contradict each other.

    Examples
    --------
    >>> estimate_unfound(1, 100, found=1, labelled=100, images=10_000)
    Unfound(expected=99.0, low=2, high=541)
    """
    drawn_fit = min(anomalies, unsure) >= 0 and anomalies + unsure <= looked_at <= labelled <= images
    if not (drawn_fit and anomalies <= found <= labelled - unsure):
        raise InputError(
            f"{anomalies} anomalies and {unsure} unsure among {looked_at} images drawn, {found} anomalies "
            f"among {labelled} with a label, "
            f"of {images}, cannot be: give numbers from 0 up, no part larger than its whole."
        )
    if not 0 < confidence < 1:
        raise InputError(f"A confidence of {confidence:g} cannot be kept. Give one above 0 and below 1.")
    from scipy.stats import hypergeom

    unlabelled = images - labelled
    if unlabelled == 0:
        return Unfound(0.0, 0, 0)
    judged = looked_at - unsure
    if judged == 0:
        return Unfound(float("nan"), 0, unlabelled)
    expected = min(max(anomalies / judged * images - found, 0.0), float(unlabelled))
    tail = (1 - confidence) / 2

    def few_enough(left: int) -> bool:  # so many left, and a draw this poor is no surprise
        return bool(hypergeom.cdf(anomalies + unsure, images, found + unsure + left, looked_at) > tail)

    def too_few(left: int) -> bool:  # so few left, and a draw this rich is a surprise
        return bool(hypergeom.sf(anomalies - 1, images, found + left, looked_at) <= tail)

    high = max(_first_false(few_enough, unlabelled + 1) - 1, 0)
    return Unfound(expected, min(_first_false(too_few, unlabelled), high), high)


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
