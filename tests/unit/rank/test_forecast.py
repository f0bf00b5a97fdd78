from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.rank.forecast import Forecast, Scale, fit_forecast
from anomalymatch_ui.rank.likelihood import HeldOut, Looks, of_finds

EMPTY = np.empty(0)


def pool(
    seed: int, images: int, slope: float, level: float, unit: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return margins in some unit, and which images are anomalies by the model itself."""
    random = np.random.default_rng(seed)
    margins = random.standard_normal(images)
    return unit * margins + 3 * unit, random.random(images) < expit(level + slope * margins)


def search(margins: np.ndarray, truth: np.ndarray, looks: int) -> tuple[Forecast, np.ndarray, int]:
    """Look at the best, one after the other; gives the forecast, what is left, and how many are found."""
    order = np.argsort(-margins)
    seen, left = order[:looks], order[looks:]
    heights = [Scale.of(margins[order[place:]]).heights(margins[[row]])[0] for place, row in enumerate(seen)]
    found = int(truth[seen].sum())
    forecast = fit_forecast(
        margins[left], found=found, images=len(margins), looks=Looks(np.array(heights), truth[seen])
    )
    return forecast, left, found


@pytest.mark.parametrize(("slope", "level"), [(1.3, -4.5), (1.6, -4.0), (1.1, -5.5)])
def test_intervals_hold_the_truth_about_as_often_as_they_say(slope: float, level: float) -> None:
    held = []
    for seed in range(40):
        margins, truth = pool(seed, 3000, slope, level)
        forecast, left, _ = search(margins, truth, 60)
        for rows in (left[:100], left):
            count = forecast.count(margins[rows])
            held.append(count.low <= truth[rows].sum() <= count.high)
    assert 0.85 <= np.mean(held) <= 1


def test_looks_that_come_true_raise_what_is_expected_and_others_lower_it() -> None:
    margins, _ = pool(0, 2000, 1.3, -4)
    heights = np.linspace(0.5, -0.5, 30)
    expected = [
        fit_forecast(margins, found=5 + n, images=2100, looks=Looks(heights, np.arange(30) < n)).count(
            margins
        )
        for n in (0, 6, 15, 30)
    ]
    means = [count.expected for count in expected]
    assert means == sorted(means)
    assert means[-1] > 5 * means[0]


def test_numbers_do_not_contradict_each_other() -> None:
    margins, truth = pool(1, 5000, 1.3, -4.5)
    forecast, left, _ = search(margins, truth, 80)
    probabilities = forecast.probabilities(margins[left])
    everything, best = forecast.count(margins[left]), forecast.count(margins[left[:100]])
    assert everything.expected == pytest.approx(probabilities.sum(dtype=float), rel=0.01)
    assert best.expected == pytest.approx(probabilities[:100].sum(dtype=float), rel=0.01)
    assert best.expected <= everything.expected
    assert best.low <= everything.low <= everything.expected <= everything.high
    assert best.high <= everything.high


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
def test_the_units_of_the_margins_do_not_count(unit: float) -> None:
    margins, truth = pool(2, 2000, 1.3, -4)
    one, left, _ = search(margins, truth, 40)
    other, _, _ = search(unit * margins - 7 * unit, truth, 40)
    assert other.count(unit * margins[left] - 7 * unit).expected == pytest.approx(
        one.count(margins[left]).expected, rel=1e-6
    )


@given(
    margins=st.lists(st.floats(-50, 50, width=32), max_size=40).map(np.array),
    found=st.integers(0, 20),
    labels=st.integers(0, 20),
    seed=st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_any_pool_has_numbers_within_their_intervals_and_the_order_is_kept(
    margins: np.ndarray, found: int, labels: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    looks = Looks(random.normal(size=labels), random.random(labels) < 0.3)
    forecast = fit_forecast(margins, found=found, images=len(margins) + found + labels, looks=looks)
    count = forecast.count(margins)
    assert 0 <= count.low <= int(count.expected + 0.5) <= count.high <= len(margins)
    probabilities = forecast.probabilities(margins)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert (np.diff(probabilities[np.argsort(margins, kind="stable")]) >= 0).all()
    if (probabilities > 0.5).any():  # never 0 while a likelier-than-not image is listed
        assert int(count.expected + 0.5) >= 1
        assert count.high >= 1


def test_nothing_left_is_nothing_expected() -> None:
    forecast = fit_forecast(EMPTY, found=3, images=3)
    assert forecast.count(EMPTY) == forecast.count(np.array([np.nan]))
    assert forecast.count(EMPTY).high == 0
    assert forecast.probabilities(EMPTY).shape == (0,)


def test_an_image_that_cannot_be_read_has_no_probability_and_counts_nothing() -> None:
    margins = np.array([0.0, np.nan, 2.0, 1.0])
    forecast = fit_forecast(margins, found=1, images=10)
    assert np.isnan(forecast.probabilities(margins)).tolist() == [False, True, False, False]
    assert forecast.count(margins) == forecast.count(margins[[0, 2, 3]])


def test_images_that_are_all_alike_are_equally_probable() -> None:
    probabilities = fit_forecast(np.full(50, 2.0), found=2, images=60).probabilities(np.full(50, 2.0))
    assert len(set(probabilities.tolist())) == 1
    assert 0 < probabilities[0] < 0.5


@pytest.mark.parametrize("outlier", [5.0, 5e3, 5e5])
def test_an_image_far_from_all_others_leaves_their_probabilities_as_many_as_are_expected(
    outlier: float,
) -> None:
    margins = np.append(pool(0, 20_000, 1.3, -4)[0], outlier)
    forecast = fit_forecast(margins, found=5, images=20_100)
    expected = forecast.count(margins).expected
    assert forecast.probabilities(margins).sum() == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("margins", [[2.0, np.nan, 2.0], [np.nan, 1.0], [np.nan, np.nan]])
def test_an_image_that_cannot_be_read_has_no_probability_where_all_others_are_alike(
    margins: list[float],
) -> None:
    probabilities = fit_forecast(np.array(margins), found=1, images=4).probabilities(np.array(margins))
    np.testing.assert_array_equal(np.isnan(probabilities), np.isnan(margins))


def test_a_given_prevalence_is_believed_more_than_none_and_less_than_what_is_found() -> None:
    margins, _ = pool(3, 2000, 1.3, -4)
    totals = [
        fit_forecast(margins, found=1, images=2000, prevalence=share).count(margins).expected
        for share in (0.002, None, 0.1)
    ]
    assert totals[0] < totals[1] < totals[2]
    assert totals[2] == pytest.approx(200, rel=0.3)
    found = fit_forecast(margins, found=150, images=2150, prevalence=0.01).count(margins)
    assert found.expected >= 0  # what is found is more than 1 %, and is not taken back
    for wrong in (0, 1, -0.1, 2):
        with pytest.raises(InputError, match="prevalence"):
            fit_forecast(margins, found=0, images=2000, prevalence=wrong)


def test_images_drawn_at_random_tell_what_no_order_does() -> None:
    margins, _ = pool(4, 5000, 1.3, -4)
    none, some = (
        fit_forecast(margins, found=20, images=5400, drawn=(anomalies, 400)).count(margins)
        for anomalies in (0, 20)
    )
    assert none.high < some.low
    assert some.low <= 20 / 400 * 5400 <= some.high


def test_an_image_may_stand_for_many() -> None:
    margins, _ = pool(5, 400, 1.3, -4)
    counts = np.where(np.arange(400) < 100, 1.0, 50.0)
    forecast = fit_forecast(margins, found=10, images=15_100, multiplicities=counts)
    repeated = np.repeat(margins, counts.astype(int))
    assert forecast.count(margins, counts).expected == pytest.approx(
        forecast.count(repeated).expected, rel=0.01
    )


def test_the_best_images_of_a_tail_keep_their_order() -> None:
    margins = np.concatenate([np.random.default_rng(0).normal(size=1000), [20.0, 25.0, 30.0, 300.0]])
    probabilities = fit_forecast(margins, found=5, images=1010).probabilities(margins)
    assert (np.diff(probabilities[-4:]) > 0).all()


def test_how_an_image_was_chosen_does_not_matter_to_what_its_look_tells() -> None:
    """The uncertain images, looked at, tell the same as the best: only margins and labels count."""
    held = []
    for seed in range(30):
        margins, truth = pool(100 + seed, 3000, 1.3, -4)
        order = np.argsort(-margins)
        seen = order[100:160]
        left = np.setdiff1d(order, seen)
        heights = Scale.of(margins).heights(margins[seen])
        looks = Looks(heights, truth[seen])
        forecast = fit_forecast(margins[left], found=int(truth[seen].sum()), images=3000, looks=looks)
        count = forecast.count(margins[left])
        held.append(count.low <= truth[left].sum() <= count.high)
    assert np.mean(held) >= 0.85


LEFT = np.geomspace(0.1, 300, 60)


def most_likely(finds: np.ndarray, front: float, in_vain: float = 1.0) -> float:
    """Return the number left that best explains finds at these margins, with the list at ``front``."""
    return float(LEFT[np.argmax(of_finds(EMPTY, finds, np.full(50, front), in_vain, LEFT))])


def test_the_further_above_what_is_left_the_finds_lie_the_fewer_are_left() -> None:
    finds = np.random.default_rng(0).normal(5, 1.5, 40)
    left = [most_likely(finds, front) for front in (5.0, 4.0, 3.0, 2.0)]
    assert left == sorted(left, reverse=True)
    assert left[-1] < 5


@pytest.mark.parametrize("front", [5.0, 4.0, 3.0])
def test_finds_above_a_margin_tell_how_many_lie_below_it(front: float) -> None:
    ratios = []
    for seed in range(20):
        margins = np.random.default_rng(seed).normal(5, 1.5, 100)
        finds = margins[margins > front]
        ratios.append(most_likely(finds, front) / (100 - len(finds)))
    assert 0.5 < np.median(ratios) < 2


def test_while_every_look_finds_one_the_list_says_nothing_of_how_many_follow() -> None:
    finds = np.array([5.0, 6.0, 5.5])
    assert not of_finds(EMPTY, finds, np.full(50, 2.0), 0.0, LEFT).any()
    assert not of_finds(np.array([4.0]), EMPTY, np.full(50, 2.0), 1.0, LEFT).any()


def test_a_search_that_has_gone_through_its_anomalies_knows_better_how_many_there_are() -> None:
    """60 anomalies of normal margins among 3,000, the best looked at first."""
    held = []
    for seed in range(8):
        random = np.random.default_rng(seed)
        truth = np.arange(3000) < 60
        margins = random.normal(size=3000) + truth * random.normal(2.5, 1, 3000)
        order = np.argsort(-margins)
        seen, left = order[:100], order[100:]
        heights = [Scale.of(margins[order[n:]]).heights(margins[[row]])[0] for n, row in enumerate(seen)]
        looks, found = Looks(np.array(heights), truth[seen]), int(truth[seen].sum())
        without, knowing = (
            fit_forecast(margins[left], found=found, images=3000, looks=looks, held_out=held_out)
            .count(margins[left])
            .plus(found)
            for held_out in (None, HeldOut(margins[seen], truth[seen], np.ones(100, bool)))
        )
        assert knowing.high - knowing.low < without.high - without.low
        held.append(knowing.low <= 60 <= knowing.high)
    assert np.mean(held) > 0.8


@given(
    st.lists(st.floats(-50, 50) | st.just(np.nan), min_size=1, max_size=60).map(np.array),
    st.integers(0, 5),
)
def test_a_probability_lies_within_its_interval(margins: np.ndarray, found: int) -> None:
    forecast = fit_forecast(margins, found=found, images=len(margins) + found)
    low, high = forecast.interval(margins)
    probabilities = forecast.probabilities(margins)
    known = np.isfinite(margins)
    assert (np.isnan(low) == ~known).all()
    assert ((low <= probabilities) & (probabilities <= high))[known].all()
    assert ((low >= 0) & (high <= 1))[known].all()


def test_looks_narrow_the_interval_of_a_probability() -> None:
    margins, truth = pool(1, 3000, 1.3, -4.5)
    widths = []
    for looks in (10, 150):
        forecast, left, _ = search(margins, truth, looks)
        low, high = forecast.interval(margins[left])
        widths.append(float(np.median(np.log(high / low))))
    assert widths[1] < widths[0]
