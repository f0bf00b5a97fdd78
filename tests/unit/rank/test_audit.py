from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.rank.audit import LEAVE_ONE_OUT, Audit, audit_labels, held_out_margins


def two_clusters(anomalies: int, nominals: int) -> tuple[np.ndarray, np.ndarray]:
    """Features and labels of a pool in which the anomalies, its first rows, lie apart."""
    embeddings = np.random.default_rng(0).normal(size=(anomalies + nominals, 32))
    embeddings[:anomalies, 0] += 8
    return embeddings.astype(np.float16), np.arange(len(embeddings)) < anomalies


def audit(embeddings: np.ndarray, is_anomaly: np.ndarray, *, seed: int = 0) -> Audit:
    return audit_labels(embeddings, np.arange(len(is_anomaly)), is_anomaly, regularisation=0.01, seed=seed)


@pytest.mark.parametrize(("anomalies", "nominals"), [(5, 5), (4, 200), (60, 60)])
@pytest.mark.parametrize("of_the_anomalies", [True, False])
def test_a_label_flipped_by_mistake_is_the_most_contested(
    anomalies: int, nominals: int, of_the_anomalies: bool
) -> None:
    embeddings, is_anomaly = two_clusters(anomalies, nominals)
    flipped = 1 if of_the_anomalies else anomalies + 1
    is_anomaly[flipped] = not of_the_anomalies
    result = audit(embeddings, is_anomaly)
    assert result.rows[0] == flipped
    assert result.contest[0] > 0.5
    assert (result.probabilities[0] > 0.5) == of_the_anomalies


def test_several_flipped_labels_come_before_all_others() -> None:
    embeddings, is_anomaly = two_clusters(40, 120)
    flipped = [3, 17, 60, 100, 151]
    is_anomaly[flipped] = ~is_anomaly[flipped]
    assert set(audit(embeddings, is_anomaly).rows[:5]) == set(flipped)


@pytest.mark.parametrize("labels", [LEAVE_ONE_OUT, LEAVE_ONE_OUT + 20])
def test_a_label_is_judged_by_heads_that_did_not_see_it(labels: int) -> None:
    """In as many dimensions as there are labels any labels can be learnt by heart, noise among them."""
    embeddings = np.random.default_rng(1).normal(size=(labels, 200)).astype(np.float32)
    is_anomaly = np.arange(labels) % 2 == 0
    result = audit(embeddings, is_anomaly)
    assert 0.25 < np.mean(result.contest > 0.5) < 0.75


def test_held_out_margins_know_nothing_of_noise_that_a_head_can_learn_by_heart() -> None:
    features = np.random.default_rng(1).normal(size=(120, 200)).astype(np.float32)
    is_anomaly = np.arange(120) % 2 == 0
    margins = held_out_margins(features, is_anomaly, regularisation=1.0, seed=0)
    assert 0.25 < np.mean((margins > 0) == is_anomaly) < 0.75


def test_held_out_margins_tell_apart_what_differs_and_are_nan_where_no_class_is_left() -> None:
    embeddings, is_anomaly = two_clusters(10, 40)
    margins = held_out_margins(embeddings, is_anomaly, regularisation=1.0, seed=0)
    np.testing.assert_array_equal(margins > 0, is_anomaly)
    alone = held_out_margins(embeddings[9:], is_anomaly[9:], regularisation=1.0, seed=0)
    assert np.flatnonzero(np.isnan(alone)).tolist() == [0]
    one_class = held_out_margins(embeddings, np.ones(50, dtype=bool), regularisation=1.0, seed=0)
    assert np.isnan(one_class).all()


def test_each_label_is_given_the_probability_of_its_own_row() -> None:
    embeddings, is_anomaly = two_clusters(30, 30)
    rows = np.random.default_rng(2).permutation(60)
    result = audit_labels(embeddings, rows, is_anomaly[rows], regularisation=0.01, seed=0)
    assert sorted(result.rows) == list(range(60))
    np.testing.assert_array_equal(result.probabilities > 0.5, is_anomaly[result.rows])
    wrong = np.where(is_anomaly[result.rows], 1 - result.probabilities, result.probabilities)
    np.testing.assert_array_equal(result.contest, wrong)


@pytest.mark.parametrize("nominals", [8, 80])
def test_the_only_member_of_a_class_cannot_be_audited_and_comes_last(nominals: int) -> None:
    embeddings, is_anomaly = two_clusters(1, nominals)
    result = audit(embeddings, is_anomaly)
    assert result.rows[-1] == 0
    assert np.isnan(result.contest[-1])
    assert np.isnan(result.probabilities[-1])
    assert not np.isnan(result.contest[:-1]).any()


def test_one_label_of_each_class_leaves_nothing_to_audit() -> None:
    embeddings, is_anomaly = two_clusters(1, 1)
    assert np.isnan(audit(embeddings, is_anomaly).contest).all()


def test_the_label_of_an_unreadable_image_comes_last_and_does_not_disturb_the_others() -> None:
    embeddings, is_anomaly = two_clusters(10, 10)
    embeddings[4] = np.nan
    result = audit(embeddings, is_anomaly)
    assert result.rows[-1] == 4
    assert np.isnan(result.contest[-1])
    without = np.delete(np.arange(20), 4)
    others = audit_labels(embeddings, without, is_anomaly[without], regularisation=0.01, seed=0)
    np.testing.assert_array_equal(result.rows[:-1], others.rows)
    np.testing.assert_array_equal(result.contest[:-1], others.contest)


@pytest.mark.parametrize("is_anomaly", [[True, True], [False, False], []])
def test_labels_of_one_class_only_are_refused_with_what_to_do(is_anomaly: list[bool]) -> None:
    embeddings, _ = two_clusters(1, 1)
    rows = np.arange(len(is_anomaly))
    with pytest.raises(InputError, match="both classes"):
        audit_labels(embeddings, rows, np.array(is_anomaly, bool), regularisation=0.01, seed=0)


def test_a_class_whose_only_images_cannot_be_read_counts_as_missing() -> None:
    embeddings, is_anomaly = two_clusters(2, 6)
    embeddings[:2] = np.nan
    with pytest.raises(InputError, match="can be read"):
        audit(embeddings, is_anomaly)


@settings(max_examples=15, deadline=None)
@given(anomalies=st.integers(1, 8), nominals=st.integers(1, 60), seed=st.integers(0, 9))
def test_every_label_is_listed_once_from_the_most_contested(anomalies: int, nominals: int, seed: int) -> None:
    embeddings, is_anomaly = two_clusters(anomalies, nominals)
    first, second = (audit(embeddings, is_anomaly, seed=seed) for _ in range(2))
    assert sorted(first.rows) == list(range(anomalies + nominals))
    audited = first.contest[~np.isnan(first.contest)]
    assert np.all(np.diff(audited) <= 0)
    assert len(audited) == anomalies * (anomalies > 1) + nominals * (nominals > 1)
    np.testing.assert_array_equal(first.rows, second.rows)
    np.testing.assert_array_equal(first.contest, second.contest)
