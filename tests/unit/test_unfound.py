from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.rank.unfound import estimate_unfound


@st.composite
def draws(draw: st.DrawFn) -> tuple[int, int, int]:
    looked_at = draw(st.integers(0, 30))
    return draw(st.integers(0, looked_at)), looked_at, draw(st.integers(0, 40))


def chance(anomalies: int, looked_at: int, unlabelled: int, left: int) -> float:
    """Probability of exactly this draw where ``left`` anomalies stay behind."""
    if anomalies + left > looked_at + unlabelled:
        return 0.0
    nominals = looked_at + unlabelled - anomalies - left
    ways = math.comb(anomalies + left, anomalies) * math.comb(nominals, looked_at - anomalies)
    return ways / math.comb(looked_at + unlabelled, looked_at)


def tails(anomalies: int, looked_at: int, unlabelled: int, left: int) -> tuple[float, float]:
    """Probabilities of a draw as poor as this, and of one as rich, where ``left`` stay behind."""
    total = anomalies + left
    poor = sum(chance(k, looked_at, unlabelled, total - k) for k in range(min(anomalies, total) + 1))
    rich = sum(
        chance(k, looked_at, unlabelled, total - k) for k in range(anomalies, min(looked_at, total) + 1)
    )
    return poor, rich


@settings(deadline=None)  # the first call imports scipy.stats
@given(draws())
def test_the_interval_holds_exactly_the_numbers_that_neither_tail_refutes(draw: tuple[int, int, int]) -> None:
    anomalies, looked_at, unlabelled = draw
    estimate = estimate_unfound(anomalies, looked_at, unlabelled)
    for left in range(unlabelled + 1):
        poor, rich = tails(anomalies, looked_at, unlabelled, left)
        if abs(poor - 0.025) > 1e-9 and abs(rich - 0.025) > 1e-9:
            assert (estimate.low <= left <= estimate.high) == (poor > 0.025 and rich > 0.025)


@pytest.mark.parametrize(("left", "looked_at"), [(0, 50), (3, 50), (20, 50), (20, 300), (400, 100)])
def test_the_truth_is_in_the_interval_at_least_as_often_as_promised(left: int, looked_at: int) -> None:
    """``left`` of 2,000 images are anomalies, and ``looked_at`` of them are drawn, 2,000 times."""
    random = np.random.default_rng(left + looked_at)
    drawn = random.hypergeometric(left, 2000 - left, looked_at, size=2000)
    known = {int(k): estimate_unfound(int(k), looked_at, 2000 - looked_at) for k in np.unique(drawn)}
    held = [known[int(k)].low <= left - k <= known[int(k)].high for k in drawn]
    assert np.mean(held) >= 0.95 - 0.01  # 0.01: two standard errors of 2,000 draws


def test_the_expected_number_is_right_on_average() -> None:
    drawn = np.random.default_rng(0).hypergeometric(60, 1940, 200, size=3000)
    times = np.bincount(drawn)
    expected = [estimate_unfound(k, 200, 1800).expected for k in range(len(times))]
    assert np.average(expected, weights=times) == pytest.approx(54, rel=0.03)


def test_a_ranking_that_finds_anomalies_between_the_draws_never_makes_too_few_seem_left() -> None:
    """Each page shows 18 images of a good ranking and 2 drawn by chance, 20 pages of 3,000 images."""
    random = np.random.default_rng(1)
    too_low = 0
    for _ in range(200):
        truth = np.arange(3000) < 120
        ranked = list(np.argsort(-(random.normal(size=3000) + 2 * truth)))
        anomalies = 0
        for _ in range(20):
            ranked = ranked[18:]
            for _ in range(2):
                anomalies += int(truth[ranked.pop(random.integers(len(ranked)))])
        estimate = estimate_unfound(anomalies, 40, len(ranked))
        too_low += int(truth[ranked].sum() > estimate.high)
    assert too_low / 200 <= 0.025


def test_nothing_drawn_says_nothing() -> None:
    estimate = estimate_unfound(0, 0, 500)
    assert math.isnan(estimate.expected)
    assert (estimate.low, estimate.high) == (0, 500)


def test_nothing_left_leaves_nothing_unfound() -> None:
    assert estimate_unfound(3, 10, 0).high == 0
    assert estimate_unfound(0, 0, 0).expected == 0


def test_a_draw_without_an_anomaly_still_allows_some() -> None:
    estimate = estimate_unfound(0, 300, 26_000)
    assert (estimate.expected, estimate.low) == (0, 0)
    rule_of_four = 3.69 / 300 * 26_000  # -ln 0.025 = 3.69 in an endless pool
    assert estimate.high == pytest.approx(rule_of_four, rel=0.02)


def test_more_images_drawn_narrow_the_interval() -> None:
    widths = [
        estimate.high - estimate.low
        for looked_at in (20, 200, 2000)
        if (estimate := estimate_unfound(looked_at // 20, looked_at, 100_000))
    ]
    assert widths == sorted(widths, reverse=True)


def test_a_pool_of_a_hundred_million_is_no_obstacle() -> None:
    estimate = estimate_unfound(3, 300, 10**8)
    assert estimate.low == pytest.approx(0.00207 * 10**8, rel=0.01)  # Clopper and Pearson's for 3 of 300
    assert estimate.high == pytest.approx(0.02894 * 10**8, rel=0.01)


@pytest.mark.parametrize("numbers", [(-1, 5, 10), (6, 5, 10), (0, -1, 10), (0, 5, -1)])
def test_numbers_that_contradict_each_other_are_refused_with_a_sentence(
    numbers: tuple[int, int, int],
) -> None:
    with pytest.raises(InputError, match=r"cannot be: give numbers from 0 up"):
        estimate_unfound(*numbers)


@pytest.mark.parametrize("confidence", [0, 1, 95, math.nan])
def test_a_confidence_that_is_no_share_is_refused_with_a_sentence(confidence: float) -> None:
    with pytest.raises(InputError, match=r"Give one above 0 and below 1"):
        estimate_unfound(1, 5, 10, confidence=confidence)
