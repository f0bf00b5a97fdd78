from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from anomalymatch_ui.labels import LABELS, Journal
from anomalymatch_ui.pool import ImagePool, open_pool
from anomalymatch_ui.rank import binomial_interval, fit_forecast
from anomalymatch_ui.session import Ranking
from anomalymatch_ui.session.charts.pictures import (
    POINTS,
    FirstLooks,
    Pictures,
    discovery_curve,
    precision_at_top,
    score_histogram,
)
from anomalymatch_ui.session.core.folder import SessionFolder

NO_LABELS = {name: np.empty(0, np.int64) for name in LABELS}


def drawn_up(folder: Path, pool: ImagePool, journal: Journal, ranking: Ranking) -> Pictures:
    def no_embedder():
        raise AssertionError("no chart needs the embedding")

    return Pictures(SessionFolder(folder), pool, journal, lambda: ranking, no_embedder)


@pytest.mark.parametrize("calibrated", [True, False])
def test_each_image_is_counted_in_the_bin_of_its_score(calibrated: bool):
    scores = np.array([0, 1e-9, 0.2, 0.21, 0.5, 0.9999, 1, np.nan], np.float32)
    histogram = score_histogram(scores, {**NO_LABELS, "anomaly": np.array([5, 7])}, calibrated=calibrated)
    assert histogram.counts.sum() == 7
    assert histogram.counts[0] == 2
    assert histogram.counts[-1] == 2
    assert histogram.unscored == 1
    assert histogram.labelled["anomaly"].tolist() == [0] * 39 + [1]
    at = np.searchsorted(histogram.edges, 0.2, side="right") - 1
    assert histogram.edges[at] <= 0.2 < histogram.edges[at + 1]
    assert histogram.counts[at] >= 1


def test_without_any_score_the_histogram_is_empty_and_says_so():
    histogram = score_histogram(np.full(3, np.nan, np.float32), NO_LABELS, calibrated=False)
    assert histogram.counts.tolist() == [0] * 40
    assert histogram.unscored == 3


def test_an_image_counts_at_its_first_label_with_its_label_of_now(tmp_path: Path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.append_many({"table": "anomaly", "again": "nominal"}, "table a.csv", "import")
        journal.append(["first"], "nominal", "ada", "dashboard")
        journal.append(["second", "withdrawn"], "anomaly", "ada", "dashboard")
        journal.append(["again"], "anomaly", "ada", "dashboard")
        journal.append(["first"], "anomaly", "ada", "dashboard")
        journal.append(["withdrawn"], None, "ada", "dashboard")
        journal.append(["third"], "unsure", "ada", "dashboard")
        journal.append(["undone"], "anomaly", "ada", "dashboard")
        journal.undo("ada", "dashboard")
        looks = FirstLooks()
        for row in journal.entries():
            looks.add([row])
        assert looks.found(journal.view()) == ([True, True, False], 2)


def test_the_curve_ends_with_all_looks_and_goes_on_with_what_the_forecast_promises():
    margins = np.linspace(4, -3, 400)
    forecast = fit_forecast(margins, found=2, images=403)
    probabilities = forecast.probabilities(margins)
    curve = discovery_curve([True, False, True], 5, margins, forecast)
    assert curve.looked.tolist() == [0, 1, 2, 3]
    assert curve.found.tolist() == [0, 1, 1, 2]
    assert (curve.ahead[0], curve.ahead[-1]) == (3, 103)
    assert curve.expected[0] == curve.low[0] == curve.high[0] == 2
    assert curve.expected[-1] == pytest.approx(2 + probabilities[:100].sum(), rel=1e-4)
    assert (curve.low <= curve.expected).all()
    assert (curve.expected <= curve.high).all()
    assert (np.diff(curve.expected) > 0).all()
    assert curve.imported == 5


def test_without_a_forecast_nothing_is_promised():
    curve = discovery_curve([], 0, np.linspace(1, 0, 50), None)
    assert (curve.looked.tolist(), curve.found.tolist()) == ([0], [0])
    assert len(curve.ahead) == len(curve.expected) == len(curve.low) == 0


def test_a_long_search_is_drawn_with_few_points():
    found = np.arange(50_000) % 7 == 0
    margins = np.zeros(2_000)
    curve = discovery_curve(found, 0, margins, fit_forecast(margins, found=7143, images=52_000))
    assert len(curve.looked) <= POINTS
    assert (curve.looked[-1], curve.found[-1]) == (50_000, found.sum())
    assert curve.ahead[-1] == 51_000


def test_precision_counts_what_is_labelled_among_the_first_places():
    order = np.array([4, 2, 9, 0, 1, 3, 5, 6, 7, 8])
    precision = precision_at_top(order, np.array([4, 9]), np.array([2, 8]))
    at = dict(zip(precision.top.tolist(), range(len(precision.top)), strict=True))
    assert (precision.labelled[at[1]], precision.anomalies[at[1]]) == (1, 1)
    assert (precision.labelled[at[3]], precision.anomalies[at[3]]) == (3, 2)
    assert (precision.labelled[at[10]], precision.anomalies[at[10]]) == (4, 2)
    assert precision.share[at[10]] == 0.5


def test_the_first_places_say_nothing_while_none_is_labelled():
    precision = precision_at_top(np.arange(1000), np.array([500]), np.empty(0, np.int64))
    assert np.isnan(precision.share[:5]).all()
    assert np.isnan(precision.low[:5]).all()
    assert precision.share[-1] == 1
    assert 0 < precision.low[-1] < 0.03
    assert precision.high[-1] == 1


def test_a_large_pool_needs_few_points():
    assert len(precision_at_top(np.arange(100_000), *2 * [np.empty(0, np.int64)]).top) <= 61


@given(st.integers(0, 300), st.integers(0, 300))
def test_the_interval_is_that_of_clopper_and_pearson(successes: int, failures: int):
    (low,), (high,) = binomial_interval(np.array([successes]), np.array([successes + failures]))
    if successes + failures == 0:
        assert np.isnan([low, high]).all()
        return
    expected_low = beta.ppf(0.025, successes, failures + 1) if successes else 0
    expected_high = beta.ppf(0.975, successes + 1, failures) if failures else 1
    assert low == pytest.approx(expected_low, abs=1e-9)
    assert high == pytest.approx(expected_high, abs=1e-9)


def test_before_a_ranking_and_a_label_there_is_nothing_to_see_and_nothing_breaks(
    pool_folder: Path, tmp_path: Path
):
    pool = open_pool(pool_folder)
    with Journal(tmp_path / "journal.sqlite") as journal:
        pictures = drawn_up(tmp_path, pool, journal, Ranking.of_pool(len(pool)))
        assert pictures.histogram().unscored == 60
        assert pictures.discovery().looked.tolist() == [0]
        assert len(pictures.precision().top) == 0


def test_labels_of_one_class_and_images_without_a_score_are_drawn(pool_folder: Path, tmp_path: Path):
    pool = open_pool(pool_folder)
    scores = np.linspace(1, 0, 60).astype(np.float32)
    scores[3] = np.nan
    ranking = Ranking.of_scores(2, "linear head", scores, calibrated=True)
    with Journal(tmp_path / "journal.sqlite") as journal:
        pictures = drawn_up(tmp_path, pool, journal, ranking)
        journal.append(["0000.jpg", "0003.jpg", "deleted.jpg"], "anomaly", "ada", "dashboard")
        assert pictures.histogram().labelled["anomaly"].sum() == 1
        assert pictures.precision().labelled[-1] == 1
        curve = pictures.discovery()
        assert curve.found[-1] == 3
        journal.append(["0009.jpg"], "nominal", "ada", "dashboard")
        assert pictures.discovery().looked[-1] == 4


def test_a_ranking_of_probabilities_is_binned_by_log_odds(pool_folder: Path, tmp_path: Path):
    pool = open_pool(pool_folder)
    ranking = Ranking.of_scores(1, "linear head", np.full(60, 0.5, np.float32), calibrated=True)
    with Journal(tmp_path / "journal.sqlite") as journal:
        histogram = drawn_up(tmp_path, pool, journal, ranking).histogram()
    assert histogram.calibrated
    assert histogram.edges[20] == 0.5
    assert histogram.counts[20] == 60
