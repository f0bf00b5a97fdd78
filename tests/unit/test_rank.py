from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalymatch_ui.config import HeadConfig
from anomalymatch_ui.rank import (
    FeatureScale,
    Fusion,
    Novelty,
    fit_instant,
    fit_linear_head,
    order_by_score,
)

CONFIG = HeadConfig()


@pytest.fixture
def pool() -> np.ndarray:
    """500 images, of which the first 20 differ from the rest in three of 40 features."""
    features = np.random.default_rng(0).normal(2, 1, (500, 40))
    features[:20, :3] += 6
    return features.astype(np.float16)


class Scored(NamedTuple):
    scores: np.ndarray
    source: str


def instant(features: np.ndarray, *arguments: Any, seed: int) -> Scored:
    model = fit_instant(features, *arguments, seed=seed)
    return Scored(model.scores(features), model.source)


def fuse(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return Fusion.of(first, second).scores(first, second)


def share_of_oddities(scores: np.ndarray, without: np.ndarray, top: int) -> float:
    order = [row for row in order_by_score(scores) if row not in without]
    return float(np.mean(np.array(order[:top]) < 20))


@given(st.lists(st.floats(0, 1, width=32) | st.just(float("nan")), max_size=40))
def test_the_order_holds_every_scored_row_once_from_high_to_low_with_ties_in_place(
    scores: list[float],
) -> None:
    array = np.array(scores, dtype=np.float32)
    order = order_by_score(array)
    assert sorted(order) == [row for row, score in enumerate(array) if not np.isnan(score)]
    for first, second in pairwise(order):
        assert array[first] > array[second] or (array[first] == array[second] and first < second)


def test_the_scale_of_a_half_precision_table_is_that_of_its_readable_rows(pool: np.ndarray) -> None:
    holed = pool.copy()
    holed[7] = np.nan
    scale = FeatureScale.of(holed)
    readable = np.delete(pool, 7, axis=0).astype(np.float64)
    np.testing.assert_allclose(scale.mean, readable.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(scale.deviation, readable.std(axis=0), rtol=1e-4)


def test_a_feature_that_never_varies_does_no_harm(pool: np.ndarray) -> None:
    pool[:, 5] = 3
    scores = instant(pool, FeatureScale.of(pool), np.arange(3), np.arange(50, 60), CONFIG, seed=0).scores
    assert np.isfinite(scores).all()


def test_the_head_on_raw_features_equals_the_fit_on_standardised_ones(pool: np.ndarray) -> None:
    from sklearn.linear_model import LogisticRegression

    rows = np.r_[0:5, 100:120]
    scale = FeatureScale.of(pool)
    head = fit_linear_head(pool[rows], rows < 20, scale, regularisation=0.001)
    reference = LogisticRegression(C=0.001, class_weight="balanced", max_iter=1000)
    reference.fit(scale.apply(pool[rows]), rows < 20)
    expected = reference.predict_proba(scale.apply(pool))[:, 1]
    np.testing.assert_allclose(head.scores(pool), expected, atol=1e-4)


def test_labels_of_both_classes_bring_the_other_oddities_to_the_top(pool: np.ndarray) -> None:
    anomalies, nominals = np.arange(5), np.arange(100, 120)
    result = instant(pool, FeatureScale.of(pool), anomalies, nominals, CONFIG, seed=0)
    assert result.source == "linear head"
    assert share_of_oddities(result.scores, np.r_[anomalies, nominals], top=15) > 0.8


def test_anomalies_alone_are_enough_to_find_more_of_their_kind(pool: np.ndarray) -> None:
    anomalies = np.arange(5)
    result = instant(pool, FeatureScale.of(pool), anomalies, np.array([], int), CONFIG, seed=0)
    assert result.source == "similarity to the anomalies"
    assert share_of_oddities(result.scores, anomalies, top=15) > 0.8


@pytest.mark.parametrize("nominals", [[], [100, 101]])
def test_without_an_anomaly_the_most_novel_come_first(pool: np.ndarray, nominals: list[int]) -> None:
    scale = FeatureScale.of(pool)
    result = instant(pool, scale, np.array([], int), np.array(nominals, int), CONFIG, seed=0)
    assert result.source == "novelty"
    assert share_of_oddities(result.scores, np.array([]), top=20) > 8 * 20 / 500  # eight times chance
    assert result.scores.min() == 0
    assert result.scores.max() == 1


def test_images_that_could_not_be_read_get_no_score_even_if_they_carry_a_label(pool: np.ndarray) -> None:
    pool[[2, 101, 300]] = np.nan
    scale = FeatureScale.of(pool)
    for anomalies, nominals in ((range(5), range(100, 110)), (range(5), ()), ((), ())):
        scores = instant(
            pool, scale, np.array(anomalies, int), np.array(nominals, int), CONFIG, seed=0
        ).scores
        assert np.flatnonzero(np.isnan(scores)).tolist() == [2, 101, 300]


@pytest.mark.parametrize("images", [1, 2, 3])
def test_novelty_of_a_handful_of_images_is_a_number(images: int) -> None:
    features = np.random.default_rng(1).normal(size=(images, 40)).astype(np.float16)
    scores = Novelty.of(features, FeatureScale.of(features), components=32, seed=0).scores(features)
    assert np.isfinite(scores).all()


def test_an_anomaly_that_is_the_only_image_does_not_crash() -> None:
    features = np.ones((1, 40), dtype=np.float16)
    result = instant(features, FeatureScale.of(features), np.array([0]), np.array([], int), CONFIG, seed=0)
    assert np.isfinite(result.scores).all()


def test_one_seed_gives_one_order(pool: np.ndarray) -> None:
    scale = FeatureScale.of(pool)
    for labels in ((np.arange(5), np.array([], int)), (np.array([], int), np.array([], int))):
        first, second = (instant(pool, scale, *labels, CONFIG, seed=3).scores for _ in range(2))
        np.testing.assert_array_equal(first, second)


def test_a_judge_that_knows_nothing_does_not_hide_what_the_other_has_found(pool: np.ndarray) -> None:
    head = instant(pool, FeatureScale.of(pool), np.arange(5), np.arange(100, 120), CONFIG, seed=0).scores
    noise = np.random.default_rng(0).uniform(0, 1, len(pool)).astype(np.float32)
    fused = fuse(head, noise)
    assert share_of_oddities(fused, np.arange(5), top=15) > 0.6


def test_fused_scores_are_probabilities_whatever_goes_in() -> None:
    first = np.array([0, 1, 0.5, np.nan, 0.2], np.float32)
    second = np.array([1, 1, 0.5, 0.3, np.nan], np.float32)
    fused = fuse(first, second)
    assert np.isnan(fused).tolist() == [False, False, False, True, True]
    assert ((fused[:3] > 0) & (fused[:3] < 1)).all()
    assert fused[1] == fused.max(initial=0, where=~np.isnan(fused))
    assert np.isnan(fuse(first[3:4], second[3:4])).all()


def test_fusing_a_score_with_itself_or_with_a_constant_keeps_its_order() -> None:
    scores = np.array([0.1, 0.9, 0.4, 0.7], np.float32)
    for other in (scores, np.full(4, 0.5, np.float32)):
        assert order_by_score(fuse(scores, other)).tolist() == [1, 3, 2, 0]


def test_images_outside_the_pool_are_scored_on_the_pool_s_scale(pool: np.ndarray) -> None:
    scale = FeatureScale.of(pool[:400])
    for labels in ((np.arange(5), np.arange(100, 120)), (np.array([], int), np.array([], int))):
        model = fit_instant(pool[:400], scale, *labels, CONFIG, seed=0)
        together = model.scores(pool)
        for part in (slice(0, 400), slice(400, 500)):  # rounding may move a quantile by one image of 400
            np.testing.assert_allclose(model.scores(pool[part]), together[part], atol=1.01 / 399)
        assert together.min() >= 0
        assert together.max() <= 1
