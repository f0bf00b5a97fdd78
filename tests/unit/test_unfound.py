from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.rank import arrange, draw_order, drawn_so_far, draws_offered
from anomalymatch_ui.rank.unfound import Unfound, estimate_unfound


@st.composite
def draws(draw: st.DrawFn) -> tuple[int, int, int]:
    looked_at = draw(st.integers(0, 30))
    return draw(st.integers(0, looked_at)), looked_at, draw(st.integers(0, 40))


def of_draw(anomalies: int, looked_at: int, unlabelled: int) -> Unfound:
    """Estimate where only what was drawn has a label."""
    return estimate_unfound(
        anomalies, looked_at, found=anomalies, labelled=looked_at, images=looked_at + unlabelled
    )


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
    estimate = of_draw(anomalies, looked_at, unlabelled)
    for left in range(unlabelled + 1):
        poor, rich = tails(anomalies, looked_at, unlabelled, left)
        if abs(poor - 0.025) > 1e-9 and abs(rich - 0.025) > 1e-9:
            assert (estimate.low <= left <= estimate.high) == (poor > 0.025 and rich > 0.025)


@pytest.mark.parametrize(("left", "looked_at"), [(0, 50), (3, 50), (20, 50), (20, 300), (400, 100)])
def test_the_truth_is_in_the_interval_at_least_as_often_as_promised(left: int, looked_at: int) -> None:
    """``left`` of 2,000 images are anomalies, and ``looked_at`` of them are drawn, 2,000 times."""
    random = np.random.default_rng(left + looked_at)
    drawn = random.hypergeometric(left, 2000 - left, looked_at, size=2000)
    known = {int(k): of_draw(int(k), looked_at, 2000 - looked_at) for k in np.unique(drawn)}
    held = [known[int(k)].low <= left - k <= known[int(k)].high for k in drawn]
    assert np.mean(held) >= 0.95 - 0.01  # 0.01: two standard errors of 2,000 draws


def test_the_expected_number_is_right_on_average() -> None:
    drawn = np.random.default_rng(0).hypergeometric(60, 1940, 200, size=3000)
    times = np.bincount(drawn)
    expected = [of_draw(k, 200, 1800).expected for k in range(len(times))]
    assert np.average(expected, weights=times) == pytest.approx(54, rel=0.03)


def search(strength: float, pages: int, seed: int) -> tuple[int, Unfound]:
    """Label pages of 60 of a pool of 2,000 with 60 anomalies; gives those left, and the estimate."""
    random = np.random.default_rng(seed)
    truth = random.permutation(2000) < 60
    margins = random.normal(size=2000) + strength * truth
    scores = (1 / (1 + np.exp(-margins))).astype(np.float32)
    labelled, nothing = np.zeros(2000, dtype=bool), np.zeros((2000, 1), np.float16)
    lottery = draw_order(2000, seed)
    for page in range(pages):
        listing = arrange(
            scores,
            nothing,
            labelled,
            "most_likely",
            random_every=20,
            head=600,
            lottery=lottery,
            looks=60 * page,
        )
        labelled[listing.order[:60]] = True
    drawn = drawn_so_far(lottery, labelled, draws_offered(60 * pages, 20))
    found, count = int(truth[labelled].sum()), int(labelled.sum())
    estimate = estimate_unfound(int(truth[drawn].sum()), len(drawn), found=found, labelled=count, images=2000)
    return int(truth[~labelled].sum()), estimate


@pytest.mark.parametrize(("strength", "pages"), [(3, 5), (3, 10), (2, 8), (0, 10)])
def test_a_ranking_between_the_draws_leaves_the_interval_as_good_as_promised(
    strength: float, pages: int
) -> None:
    held = [estimate.low <= left <= estimate.high for left, estimate in searched(strength, pages)]
    assert np.mean(held) >= 0.95 - 0.03  # 0.03: two standard errors of 200 searches


def test_what_is_unfound_falls_as_a_good_ranking_finds_it() -> None:
    expected = {pages: np.mean([its.expected for _, its in searched(3, pages)]) for pages in (1, 10)}
    highest = {pages: np.mean([its.high for _, its in searched(3, pages)]) for pages in (1, 10)}
    left = np.mean([left for left, _ in searched(3, 10)])
    assert left < 5  # of 60
    assert expected[10] < 0.5 * expected[1]
    assert highest[10] < 0.2 * highest[1]


def searched(strength: float, pages: int) -> list[tuple[int, Unfound]]:
    return [search(strength, pages, seed) for seed in range(200)]


def test_nothing_drawn_says_nothing() -> None:
    estimate = of_draw(0, 0, 500)
    assert math.isnan(estimate.expected)
    assert (estimate.low, estimate.high) == (0, 500)


def test_what_nobody_could_judge_is_left_out_of_the_estimate_and_counted_both_ways_by_the_interval() -> None:
    sure = estimate_unfound(1, 100, found=1, labelled=100, images=10_000)
    unsure = estimate_unfound(1, 100, found=1, labelled=100, images=10_000, unsure=4)
    all_anomalies = estimate_unfound(5, 100, found=5, labelled=100, images=10_000)
    assert unsure.expected == pytest.approx(10_000 / 96 - 1)
    assert (unsure.low, unsure.high) == (sure.low, all_anomalies.high)
    nobody = estimate_unfound(0, 4, found=0, labelled=4, images=100, unsure=4)
    assert math.isnan(nobody.expected)
    assert (nobody.low, nobody.high) == (0, 96)


def test_nothing_left_leaves_nothing_unfound() -> None:
    assert of_draw(3, 10, 0).high == 0
    assert of_draw(0, 0, 0).expected == 0


def test_a_draw_without_an_anomaly_still_allows_some() -> None:
    estimate = of_draw(0, 300, 26_000)
    assert (estimate.expected, estimate.low) == (0, 0)
    rule_of_four = 3.69 / 300 * 26_000  # -ln 0.025 = 3.69 in an endless pool
    assert estimate.high == pytest.approx(rule_of_four, rel=0.02)


def test_more_images_drawn_narrow_the_interval() -> None:
    widths = [
        estimate.high - estimate.low
        for looked_at in (20, 200, 2000)
        if (estimate := of_draw(looked_at // 20, looked_at, 100_000))
    ]
    assert widths == sorted(widths, reverse=True)


def test_a_pool_of_a_hundred_million_is_no_obstacle() -> None:
    estimate = of_draw(3, 300, 10**8)
    assert estimate.low == pytest.approx(0.00207 * 10**8, rel=0.01)  # Clopper and Pearson's for 3 of 300
    assert estimate.high == pytest.approx(0.02894 * 10**8, rel=0.01)


@pytest.mark.parametrize(
    ("anomalies", "looked_at", "found", "labelled", "images"),
    [
        (-1, 5, 1, 5, 10),
        (6, 5, 6, 6, 10),
        (0, -1, 0, 0, 10),
        (0, 5, 0, 4, 10),
        (2, 5, 1, 5, 10),
        (0, 5, 0, 11, 10),
    ],
)
def test_numbers_that_contradict_each_other_are_refused_with_a_sentence(
    anomalies: int, looked_at: int, found: int, labelled: int, images: int
) -> None:
    with pytest.raises(InputError, match=r"cannot be: give numbers from 0 up"):
        estimate_unfound(anomalies, looked_at, found=found, labelled=labelled, images=images)


@pytest.mark.parametrize("confidence", [0, 1, 95, math.nan])
def test_a_confidence_that_is_no_share_is_refused_with_a_sentence(confidence: float) -> None:
    with pytest.raises(InputError, match=r"Give one above 0 and below 1"):
        estimate_unfound(1, 5, found=1, labelled=5, images=15, confidence=confidence)
