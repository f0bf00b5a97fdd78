from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalymatch_ui.config import HeadConfig
from anomalymatch_ui.rank import (
    DistanceFromCentre,
    FeatureScale,
    Fusion,
    LinearHead,
    Novelty,
    Reduction,
    fit_instant,
    fit_linear_head,
    log_odds,
    order_by_score,
)
from anomalymatch_ui.rank.linear import BLOCK_ROWS

CONFIG = HeadConfig()


@pytest.fixture
def pool() -> np.ndarray:
    """Features of 500 images, of which the first 20 differ from the rest in three of 40."""
    features = np.random.default_rng(0).normal(2, 1, (500, 40))
    features[:20, :3] += 6
    return features.astype(np.float16)


@pytest.fixture
def embedding(pool: np.ndarray) -> np.ndarray:
    """The same images in 24 components."""
    return embed(pool)


def embed(features: np.ndarray) -> np.ndarray:
    reduction = Reduction.of(features, np.arange(len(features)), components=24, whitening=0.25)
    return reduction.apply(features)


class Scored(NamedTuple):
    scores: np.ndarray
    source: str


def instant(
    embedding: np.ndarray, anomalies: Iterable[int], nominals: Iterable[int], seed: int = 0
) -> Scored:
    model = fit_instant(embedding, rows_of(anomalies), rows_of(nominals), CONFIG, seed=seed)
    return Scored(model.scores(embedding), model.source)


def rows_of(rows: Iterable[int]) -> np.ndarray:
    return np.array(list(rows), dtype=np.int64)


def fuse(first: np.ndarray, second: np.ndarray, weight: float = 0.5) -> np.ndarray:
    return Fusion.of(first, second, weight).margins(first, second)


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
    deviation = readable.std(axis=0)
    np.testing.assert_allclose(scale.deviation, np.maximum(deviation, np.median(deviation)), rtol=1e-4)


def test_a_feature_that_is_all_but_dead_on_the_pool_is_not_loud_elsewhere(pool: np.ndarray) -> None:
    pool[:, 5] = 0
    pool[9, 5] = 0.01
    odd = pool[:1].copy()
    odd[0, 5] = 3
    standardised = FeatureScale.of(pool).apply(odd)
    assert abs(standardised[0, 5]) < 5  # by its own deviation it would be 6,700


def test_a_feature_that_never_varies_does_no_harm(pool: np.ndarray) -> None:
    pool[:, 5] = 3
    deviation = FeatureScale.of(pool).deviation
    assert deviation[5] == np.median(np.delete(deviation, 5).clip(deviation.min())) == deviation.min()
    assert (FeatureScale.of(np.full((9, 4), 3, np.float16)).deviation == 1).all()
    assert np.isfinite(instant(embed(pool), range(3), range(50, 60)).scores).all()


def test_the_head_on_raw_features_equals_the_fit_on_standardised_ones(pool: np.ndarray) -> None:
    from sklearn.linear_model import LogisticRegression

    rows = np.r_[0:5, 100:120]
    scale = FeatureScale.of(pool)
    head = fit_linear_head(pool[rows], rows < 20, scale, regularisation=0.001)
    reference = LogisticRegression(C=0.001, class_weight="balanced", max_iter=1000)
    reference.fit(scale.apply(pool[rows]), rows < 20)
    standardised = scale.apply(pool)
    np.testing.assert_allclose(head.margins(pool), reference.decision_function(standardised), atol=1e-4)
    np.testing.assert_allclose(head.scores(pool), reference.predict_proba(standardised)[:, 1], atol=1e-4)


def test_the_head_on_an_embedding_takes_it_as_it_is(embedding: np.ndarray) -> None:
    from sklearn.linear_model import LogisticRegression

    rows = np.r_[0:5, 100:120]
    head = fit_linear_head(embedding[rows], rows < 20, regularisation=1.0)
    reference = LogisticRegression(C=1.0, class_weight="balanced", max_iter=1000)
    reference.fit(embedding[rows].astype(np.float32), rows < 20)
    expected = reference.decision_function(embedding.astype(np.float32))
    np.testing.assert_allclose(head.margins(embedding), expected, atol=1e-4)


def test_a_table_longer_than_a_block_is_judged_row_by_row() -> None:
    head = LinearHead(np.array([1, -2], np.float32), 0.5)
    table = np.random.default_rng(0).normal(size=(BLOCK_ROWS + 3, 2)).astype(np.float16)
    table[BLOCK_ROWS] = np.nan
    expected = table.astype(np.float64) @ [1, -2] + 0.5
    np.testing.assert_allclose(head.margins(table), expected, atol=1e-5)
    np.testing.assert_allclose(head.scores(table), 1 / (1 + np.exp(-expected)), atol=1e-6)


def test_labels_of_both_classes_bring_the_other_oddities_to_the_top(embedding: np.ndarray) -> None:
    result = instant(embedding, range(5), range(100, 120))
    assert result.source == "linear head"
    assert share_of_oddities(result.scores, np.r_[0:5, 100:120], top=15) > 0.8


def test_anomalies_alone_are_enough_to_find_more_of_their_kind(embedding: np.ndarray) -> None:
    result = instant(embedding, range(5), ())
    assert result.source == "similarity to the anomalies"
    assert share_of_oddities(result.scores, np.arange(5), top=15) > 0.8


@pytest.mark.parametrize("nominals", [[], [100, 101]])
def test_without_an_anomaly_the_most_novel_come_first(embedding: np.ndarray, nominals: list[int]) -> None:
    result = instant(embedding, (), nominals)
    assert result.source == "novelty"
    assert share_of_oddities(result.scores, np.array([]), top=20) > 8 * 20 / 500  # eight times chance
    assert result.scores.min() == 0
    assert result.scores.max() == 1


def test_novelty_is_the_share_of_the_pool_that_lies_nearer_to_its_centre() -> None:
    pool = np.array([[3, 0], [0, -1], [0, 0], [0, 2], [np.nan, 0]], np.float16)
    novelty = Novelty.of(pool)
    np.testing.assert_allclose(novelty.scores(pool), [1, 1 / 3, 0, 2 / 3, np.nan])
    others = np.array([[0, 0.5], [0, -2.5], [4, 3], [np.nan, np.nan], [0, 0]], np.float16)
    np.testing.assert_allclose(novelty.scores(others), [1 / 3, 1, 1, np.nan, 0])


def test_what_is_unusual_in_every_part_is_more_novel_than_what_is_far_out_in_one() -> None:
    random = np.random.default_rng(0)
    falling = np.tile(
        [1.0, 0.7, 0.5, 0.36], 2
    )  # two parts: in either the components come by falling variance
    table = random.normal(size=(2_000, 8)) * falling
    table[0] = [40, 0, 0, 0, 0.3, 0.3, 0.3, 0.3]
    table[1] = 2.5 * falling
    distance = DistanceFromCentre.of(table)
    assert distance.starts.tolist() == [0, 4]
    assert distance(table[:2])[1] > distance(table[:2])[0] > np.median(distance(table))


def test_a_rare_direction_counts_as_much_as_a_common_one() -> None:
    table = np.random.default_rng(0).normal(size=(2_000, 6)) * np.geomspace(10, 5, 6)
    table[:2] = np.diag(5 * table.std(axis=0))[[0, 5]]
    common, rare = DistanceFromCentre.of(table)(table[:2])
    assert common == pytest.approx(rare, abs=0.05)  # all but the ridge, a tenth of the mean variance


def test_the_distance_is_fitted_to_what_was_looked_at_however_large_the_pool_is() -> None:
    random = np.random.default_rng(0)
    looked = (random.normal(size=(1_000, 16)) * np.tile(np.geomspace(1, 0.2, 8), 2)).astype(np.float16)
    pool = np.full((200_000, 16), np.nan, np.float16)  # as soon as the first images of many were looked at
    rows = np.sort(random.permutation(len(pool))[: len(looked)])
    pool[rows] = looked
    np.testing.assert_array_equal(DistanceFromCentre.of(pool)(looked), DistanceFromCentre.of(looked)(looked))


def test_a_pool_of_images_that_are_all_alike_has_one_novelty() -> None:
    novelty = Novelty.of(np.zeros((5, 3), np.float16))
    assert novelty.scores(np.zeros((2, 3), np.float16)).tolist() == [0, 0]
    assert np.isfinite(novelty.scores(np.ones((1, 3), np.float16))).all()
    nothing_readable = Novelty.of(np.full((2, 3), np.nan, np.float16))
    assert np.isnan(nothing_readable.scores(np.full((2, 3), np.nan, np.float16))).all()


def test_images_that_could_not_be_read_get_no_score_even_if_they_carry_a_label(pool: np.ndarray) -> None:
    pool[[2, 101, 300]] = np.nan
    embedding = embed(pool)
    for anomalies, nominals in ((range(5), range(100, 110)), (range(5), ()), ((), ())):
        scores = instant(embedding, anomalies, nominals).scores
        assert np.flatnonzero(np.isnan(scores)).tolist() == [2, 101, 300]


def test_labels_of_images_that_cannot_be_read_only_are_as_good_as_none(pool: np.ndarray) -> None:
    pool[[2, 101]] = np.nan
    embedding = embed(pool)
    assert instant(embedding, [2], range(100, 110)).source == "novelty"
    assert instant(embedding, range(5), [101]).source == "similarity to the anomalies"


@pytest.mark.parametrize("images", [1, 2, 3])
def test_novelty_of_a_handful_of_images_is_a_number(images: int) -> None:
    features = np.random.default_rng(1).normal(size=(images, 40)).astype(np.float16)
    embedding = embed(features)
    scores = Novelty.of(embedding).scores(embedding)
    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize("labels", [((0,), ()), ((), (0,)), ((), ())])
def test_a_pool_of_one_image_has_a_score(labels: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    embedding = embed(np.ones((1, 40), np.float16))
    assert np.isfinite(instant(embedding, *labels).scores).all()


def test_one_seed_gives_one_order_and_another_seed_another_background(embedding: np.ndarray) -> None:
    config = CONFIG.model_copy(update={"background": 30})
    fits = [
        fit_instant(embedding, rows_of(range(5)), rows_of(()), config, seed=seed).scores(embedding)
        for seed in (3, 3, 4)
    ]
    np.testing.assert_array_equal(fits[0], fits[1])
    assert not np.array_equal(fits[0], fits[2])


def test_a_judge_that_knows_nothing_does_not_hide_what_the_other_has_found(embedding: np.ndarray) -> None:
    head = log_odds(instant(embedding, range(5), range(100, 120)).scores)
    noise = np.random.default_rng(0).normal(0, 50, len(embedding))
    assert share_of_oddities(fuse(head, noise), np.arange(5), top=15) > 0.6
    assert share_of_oddities(fuse(noise, head), np.arange(5), top=15) > 0.6


def test_neither_judge_weighs_more_for_being_bolder_or_biased() -> None:
    first, second = np.random.default_rng(0).normal(size=(2, 50))
    np.testing.assert_allclose(fuse(100 * first + 7, second), fuse(first, 0.01 * second - 3))


@pytest.mark.parametrize("weight", [0, 0.2, 1])
def test_the_weight_is_the_second_judge_s(weight: float) -> None:
    first, second = np.random.default_rng(0).normal(size=(2, 50))
    one, other = ((margins - margins.mean()) / margins.std() for margins in (first, second))
    np.testing.assert_allclose(fuse(first, second, weight), (1 - weight) * one + weight * other)


def test_an_image_that_either_judge_has_no_margin_for_gets_none_and_changes_no_other() -> None:
    first = np.array([0, 3, 1, np.nan, 0.2], np.float32)
    second = np.array([-1, 2, 0, 0.3, np.nan], np.float32)
    fused = fuse(first, second)
    assert np.isnan(fused).tolist() == [False, False, False, True, True]
    np.testing.assert_array_equal(fused[:3], fuse(first[:3], second[:3]))
    assert np.isnan(fuse(first[3:4], second[3:4])).all()


def test_fusing_a_judge_with_itself_or_with_one_that_says_the_same_of_all_keeps_its_order() -> None:
    margins = np.array([-2, 2, -0.4, 0.8], np.float32)
    for other in (margins, np.full(4, 0.5, np.float32)):
        assert order_by_score(fuse(margins, other)).tolist() == [1, 3, 2, 0]


def test_a_collapsed_judge_does_not_reorder_by_the_last_bit_of_its_scores() -> None:
    random = np.random.default_rng(0)
    margins = random.normal(size=200)
    for centre in (0.5, 0.999):
        scores = np.float32(centre) + random.integers(0, 2, 200) * np.spacing(np.float32(centre))
        fused = fuse(margins, log_odds(scores))
        np.testing.assert_allclose(fused, 0.5 * (margins - margins.mean()) / margins.std(), atol=1e-3)


def test_images_outside_the_pool_are_fused_on_the_pool_s_scale() -> None:
    first, second = np.random.default_rng(0).normal(size=(2, 50))
    fusion = Fusion.of(first, second)
    np.testing.assert_array_equal(fusion.margins(first[:3], second[:3]), fusion.margins(first, second)[:3])


@given(st.lists(st.floats(0, 1, width=32), min_size=1))
def test_log_odds_are_finite_in_the_order_of_their_probabilities(probabilities: list[float]) -> None:
    array = np.array(probabilities, np.float32)
    odds = log_odds(array)
    assert np.isfinite(odds).all()
    assert (np.diff(odds[np.argsort(array)]) >= 0).all()
    inside = (array > 1e-3) & (array < 1 - 1e-3)
    np.testing.assert_allclose(1 / (1 + np.exp(-odds[inside])), array[inside], rtol=1e-4)


def test_images_outside_the_pool_are_scored_on_the_pool_s_scale(embedding: np.ndarray) -> None:
    for labels in ((np.arange(5), np.arange(100, 120)), (rows_of(()), rows_of(()))):
        model = fit_instant(embedding[:400], *labels, CONFIG, seed=0)
        together = model.scores(embedding)
        for part in (slice(0, 400), slice(400, 500)):  # rounding may move a quantile by one image of 400
            np.testing.assert_allclose(model.scores(embedding[part]), together[part], atol=1.01 / 399)
        assert together.min() >= 0
        assert together.max() <= 1
