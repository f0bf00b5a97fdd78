from __future__ import annotations

import math
from itertools import product
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.evaluate.metrics import expected_calibration_error
from anomalymatch_ui.rank.calibration import (
    ASSUMED_PREVALENCE,
    PRIOR_SLOPE,
    Calibration,
    expected_anomalies,
    fit_calibration,
)

EMPTY = np.empty(0)
NO_LABELS = np.empty(0, dtype=bool)


class Search(NamedTuple):
    pool: np.ndarray
    truth: np.ndarray
    labelled: np.ndarray
    is_anomaly: np.ndarray


def search(seed: int, *, anomalies: int = 5, nominals: int = 50, separation: float = 2.0) -> Search:
    """20,000 unlabelled images, 2 % of them anomalies; labels drawn by class, as at a start."""
    random = np.random.default_rng(seed)
    truth = np.arange(20_000) < 400
    pool = 0.4 * (random.normal(0, 1, 20_000) + separation * truth)
    is_anomaly = np.arange(anomalies + nominals) < anomalies
    labelled = 0.4 * (random.normal(0, 1, anomalies + nominals) + separation * is_anomaly)
    return Search(pool, truth, labelled, is_anomaly)


def test_probabilities_from_five_anomalies_are_far_better_calibrated_than_the_balanced_scores() -> None:
    raw, calibrated = [], []
    for seed in range(10):
        pool, truth, labelled, is_anomaly = search(seed)
        calibration = fit_calibration(pool, labelled, is_anomaly, prevalence=0.02)
        raw.append(expected_calibration_error(truth, expit(pool)))
        calibrated.append(expected_calibration_error(truth, calibration.probabilities(pool)))
    assert np.mean(raw) > 0.4
    assert np.mean(calibrated) < 0.01


@pytest.mark.parametrize("separation", [1.0, 2.0, 3.0])
def test_many_labels_overrule_the_prior_of_the_slope(separation: float) -> None:
    pool, _, labelled, is_anomaly = search(0, anomalies=3000, nominals=3000, separation=separation)
    calibration = fit_calibration(pool, labelled, is_anomaly, prevalence=0.02)
    true_slope = separation / 0.4
    assert calibration.slope == pytest.approx(true_slope, rel=0.15)


def test_the_mean_probability_of_the_unlabelled_images_is_the_share_left_of_the_prevalence() -> None:
    pool, _, labelled, is_anomaly = search(1)
    calibration = fit_calibration(pool, labelled, is_anomaly, prevalence=0.02)
    left = (0.02 * 20_055 - 5) / 20_000
    assert calibration.prevalence == pytest.approx(left)
    assert calibration.probabilities(pool).mean(dtype=float) == pytest.approx(left, rel=1e-5)


@pytest.mark.parametrize("prevalence", [1e-6, 1e-3, 0.5, 0.999])
def test_every_prevalence_between_0_and_1_is_met(prevalence: float) -> None:
    pool = search(2).pool
    calibration = fit_calibration(pool, EMPTY, NO_LABELS, prevalence=prevalence)
    assert calibration.probabilities(pool).mean(dtype=float) == pytest.approx(prevalence, rel=1e-4)


def test_more_anomalies_found_than_the_prevalence_allows_leave_some_probability_for_the_rest() -> None:
    pool = np.random.default_rng(3).normal(size=1000)
    labelled, is_anomaly = np.linspace(1, 3, 40), np.ones(40, dtype=bool)
    calibration = fit_calibration(pool, labelled, is_anomaly, prevalence=0.01)
    assert calibration.prevalence == pytest.approx(0.001)


def test_more_nominal_labels_than_the_prevalence_allows_leave_some_doubt_too() -> None:
    pool = np.random.default_rng(3).normal(size=100)
    labelled, is_anomaly = np.linspace(-3, 0, 400), np.zeros(400, dtype=bool)
    calibration = fit_calibration(pool, labelled, is_anomaly, prevalence=0.9)
    assert calibration.prevalence == pytest.approx(0.99)


@pytest.mark.parametrize("prevalence", [0, 1, -0.1, 1.5, math.nan])
def test_a_prevalence_of_0_or_1_or_outside_is_refused_with_a_sentence(prevalence: float) -> None:
    pool, _, labelled, is_anomaly = search(0)
    with pytest.raises(InputError, match=r"above 0 and below 1\. Give for example 0\.01"):
        fit_calibration(pool, labelled, is_anomaly, prevalence=prevalence)


def test_without_a_prevalence_one_is_assumed_and_counted_with_less_certainty() -> None:
    pool, _, labelled, is_anomaly = search(0)
    assumed = fit_calibration(pool, labelled, is_anomaly, prevalence=None)
    given_ = fit_calibration(pool, labelled, is_anomaly, prevalence=ASSUMED_PREVALENCE)
    assert assumed.prevalence == ASSUMED_PREVALENCE
    assert assumed.log_odds_error > given_.log_odds_error


def test_separable_labels_do_not_make_anybody_certain() -> None:
    pool = np.random.default_rng(4).normal(size=5000)
    labelled = np.r_[np.full(5, 8.0), np.full(50, -8.0)]
    calibration = fit_calibration(pool, labelled, labelled > 0, prevalence=0.01)
    assert np.isfinite(calibration.slope)
    assert calibration.probabilities(pool).max() < 0.9


@pytest.mark.parametrize("anomalies", [0, 7])
def test_labels_of_one_class_leave_the_slope_as_it_was(anomalies: int) -> None:
    pool = search(5).pool
    labelled, is_anomaly = np.linspace(0, 1, 7), np.arange(7) < anomalies
    with_labels = fit_calibration(pool, labelled, is_anomaly, prevalence=0.02)
    without = fit_calibration(pool, EMPTY, NO_LABELS, prevalence=0.02)
    assert with_labels.slope == without.slope
    assert without.slope == pytest.approx(PRIOR_SLOPE / 0.4, rel=0.05)


def test_labels_that_contradict_the_margins_do_not_turn_the_order_round() -> None:
    pool = np.random.default_rng(6).normal(size=1000)
    labelled = np.r_[np.full(400, -3.0), np.full(400, 3.0)]
    calibration = fit_calibration(pool, labelled, labelled < 0, prevalence=0.1)
    assert (np.diff(calibration.probabilities(np.sort(pool))) > 0).all()


def test_equal_margins_all_get_the_prevalence() -> None:
    is_anomaly = np.arange(20) < 5
    calibration = fit_calibration(np.full(500, 0.7), np.full(20, 0.7), is_anomaly, prevalence=0.05)
    left = (0.05 * 520 - 5) / 500
    assert calibration.probabilities(np.full(3, 0.7)) == pytest.approx(left, rel=1e-5)


def test_margins_that_are_mostly_equal_still_tell_the_others_apart() -> None:
    pool = np.r_[np.zeros(900), np.linspace(1, 5, 100)]
    probabilities = fit_calibration(pool, EMPTY, NO_LABELS, prevalence=0.05).probabilities(pool)
    assert probabilities[-1] > probabilities[-50] > probabilities[0]
    assert probabilities.mean(dtype=float) == pytest.approx(0.05, rel=1e-5)


def test_nan_in_gives_nan_out_and_does_not_touch_the_rest() -> None:
    pool, _, labelled, is_anomaly = search(7)
    clean = fit_calibration(pool, labelled, is_anomaly, prevalence=0.02)
    holes = fit_calibration(
        np.r_[np.nan, pool, np.nan], np.r_[labelled, np.nan], np.r_[is_anomaly, True], prevalence=0.02
    )
    assert holes.slope == clean.slope
    assert np.isnan(holes.probabilities(np.array([0.0, np.nan]))).tolist() == [False, True]


def test_a_pool_without_a_margin_gets_the_prevalence_where_it_is_asked_for() -> None:
    for pool in (EMPTY, np.full(4, np.nan)):
        calibration = fit_calibration(pool, EMPTY, NO_LABELS, prevalence=0.02)
        assert calibration.probabilities(np.zeros(1)) == pytest.approx(0.02, rel=1e-5)


def test_float16_and_float32_margins_give_float32_probabilities() -> None:
    pool, _, labelled, is_anomaly = search(8)
    for kind in (np.float16, np.float32):
        narrow = pool.astype(kind)
        calibration = fit_calibration(narrow, labelled.astype(kind), is_anomaly, prevalence=0.02)
        assert calibration.probabilities(narrow).dtype == np.float32


@given(
    st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=60),
    st.lists(st.tuples(st.floats(-1e4, 1e4), st.booleans()), max_size=20),
    st.none() | st.floats(1e-6, 0.999),
)
def test_the_order_of_the_margins_is_never_changed(
    pool: list[float], labels: list[tuple[float, bool]], prevalence: float | None
) -> None:
    margins = np.sort(np.array(pool))
    labelled = np.array([margin for margin, _ in labels])
    is_anomaly = np.array([anomaly for _, anomaly in labels], dtype=bool)
    calibration = fit_calibration(margins, labelled, is_anomaly, prevalence=prevalence)
    probabilities = calibration.probabilities(margins)
    assert calibration.slope > 0
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert (np.diff(probabilities) >= 0).all()


def test_margins_far_beyond_the_labels_stay_distinct_in_float32_where_a_logistic_curve_saturates() -> None:
    margins = np.linspace(-150, 18, 3000)
    calibration = Calibration(slope=2.0, intercept=-5.0, prevalence=0.01, log_odds_error=0.5)
    logistic = expit(2.0 * margins - 5.0).astype(np.float32)
    assert (np.diff(calibration.probabilities(margins)) > 0).all()
    assert not (np.diff(logistic) > 0).all()


def test_infinite_margins_are_certain_and_left_out_of_the_fit() -> None:
    pool, _, labelled, is_anomaly = search(7)
    clean = fit_calibration(pool, labelled, is_anomaly, prevalence=0.02)
    ends = np.array([-np.inf, np.inf])
    wild = fit_calibration(np.r_[pool, ends], labelled, is_anomaly, prevalence=0.02)
    assert wild == clean
    assert clean.probabilities(ends).tolist() == [0, 1]


def counted_one_by_one(probabilities: list[float]) -> np.ndarray:
    counts = np.zeros(len(probabilities) + 1)
    for outcome in product((0, 1), repeat=len(probabilities)):
        chances = [p if hit else 1 - p for p, hit in zip(probabilities, outcome, strict=True)]
        counts[sum(outcome)] += math.prod(chances)
    return counts


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=9))
def test_the_interval_is_that_of_every_outcome_counted_one_by_one(probabilities: list[float]) -> None:
    _, low, high = expected_anomalies(np.array(probabilities), len(probabilities), log_odds_error=0)
    counts = counted_one_by_one(probabilities)
    slack = 1e-9
    assert counts[:low].sum() < 0.025 + slack
    assert counts[: low + 1].sum() >= 0.025 - slack
    assert counts[:high].sum() < 0.975 + slack
    assert counts[: high + 1].sum() >= 0.975 - slack


def test_the_expected_number_is_that_of_the_most_likely_images_and_nan_is_left_out() -> None:
    probabilities = np.array([0.1, np.nan, 0.9, 0.5], dtype=np.float32)
    assert expected_anomalies(probabilities, 2)[0] == pytest.approx(1.4)
    assert expected_anomalies(probabilities, 100)[0] == pytest.approx(1.5)
    assert expected_anomalies(probabilities, 0) == (0.0, 0, 0)
    assert expected_anomalies(EMPTY, 10) == (0.0, 0, 0)


def test_certain_images_are_counted_without_a_doubt() -> None:
    assert expected_anomalies(np.array([1.0, 1.0, 0.0]), 3) == (2.0, 2, 2)


def test_a_less_certain_calibration_gives_a_wider_interval_around_the_same_number() -> None:
    probabilities = np.full(50, 0.3)
    exact = expected_anomalies(probabilities, 50, log_odds_error=0)
    doubtful = expected_anomalies(probabilities, 50, log_odds_error=1)
    assert exact[0] == doubtful[0]
    assert doubtful[1] < exact[1] < exact[2] < doubtful[2]


def test_intervals_from_five_anomalies_hold_the_truth_in_nineteen_of_twenty_searches() -> None:
    """Where the log-odds rise as they do on real features, 0.7 to 1.5 a standard deviation."""
    held = []
    for seed in range(100):
        pool, truth, labelled, is_anomaly = search(seed, separation=1.25)
        calibration = fit_calibration(pool, labelled, is_anomaly, prevalence=0.02)
        _, low, high = expected_anomalies(
            calibration.probabilities(pool), 50, log_odds_error=calibration.log_odds_error
        )
        held.append(low <= truth[np.argsort(-pool)[:50]].sum() <= high)
    assert np.mean(held) >= 0.95
