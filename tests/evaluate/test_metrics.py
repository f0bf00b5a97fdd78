from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalymatch_ui.evaluate import expected_calibration_error, measure_detection, paired_difference


def test_a_perfect_order_is_measured_as_perfect() -> None:
    truth = np.arange(400) < 4
    metrics = measure_detection(truth, np.linspace(1, 0, 400))
    assert (metrics.auroc, metrics.ap, metrics.precision_top1, metrics.recall_5) == (1, 1, 1, 1)


def test_the_shares_count_the_images_that_come_first() -> None:
    truth = np.zeros(200, bool)
    truth[[0, 2, 9, 100]] = True
    metrics = measure_detection(truth, np.linspace(1, 0, 200))
    assert metrics.precision_top1 == 0.5  # 1 % of 200 are two, of which the first is one
    assert metrics.recall_5 == 0.75  # 5 % are ten


def test_an_image_without_a_score_comes_last() -> None:
    truth = np.array([True, False, False])
    assert measure_detection(truth, np.array([np.nan, 0.2, 0.1])).auroc == 0


def test_scores_that_are_the_frequencies_are_calibrated_and_bold_ones_are_not() -> None:
    truth = np.tile([True, False, False, False], 100)
    assert expected_calibration_error(truth, np.full(400, 0.25)) == pytest.approx(0)
    assert expected_calibration_error(truth, np.full(400, 0.95)) == pytest.approx(0.7)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=50))
def test_the_calibration_error_is_a_share(pairs: list[tuple[bool, float]]) -> None:
    truth, scores = map(np.array, zip(*pairs, strict=True))
    assert 0 <= expected_calibration_error(truth, scores) <= 1


def test_a_paired_difference_sees_through_what_seeds_have_in_common() -> None:
    seeds = np.random.default_rng(0).normal(0, 1, 9)
    mean, low, high = paired_difference(seeds + 0.1, seeds)
    assert (mean, low, high) == pytest.approx((0.1, 0.1, 0.1))
    mean, low, high = paired_difference(np.array([1.0, -1, 1, -1]), np.zeros(4))
    assert low < mean == 0 < high
