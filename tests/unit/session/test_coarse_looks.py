from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalymatch_ui.rank import CoarseToFine, Reduction, most_telling
from anomalymatch_ui.score.row_table import RowTable
from anomalymatch_ui.session.look.passes import Pass, costs_of, stages
from anomalymatch_ui.session.look.sight import Look


def test_a_guess_takes_off_what_is_chance() -> None:
    random = np.random.default_rng(0)
    fine = random.normal(size=5_000)
    coarse = 3 + 2 * (fine + random.normal(size=5_000))  # of this half of the variance is noise
    guess = CoarseToFine.of(coarse, fine).apply(coarse)
    assert np.corrcoef(guess, fine)[0, 1] == pytest.approx(np.corrcoef(coarse, fine)[0, 1])
    assert guess.std() == pytest.approx(0.5**0.5, rel=0.1)
    assert guess.mean() == pytest.approx(fine.mean(), abs=1e-6)


@pytest.mark.parametrize("coarse", [np.arange(10.0), np.zeros(100), -np.arange(100.0), np.full(100, np.nan)])
def test_where_nothing_can_be_learnt_values_stay_as_they_are(coarse: np.ndarray) -> None:
    np.testing.assert_array_equal(CoarseToFine.of(coarse, np.arange(len(coarse)) * 1.0).apply(coarse), coarse)


def test_a_levelled_reduction_gives_other_features_the_usual_length() -> None:
    random = np.random.default_rng(0)
    noisy, calm = random.normal(0, 3, (300, 20)), random.normal(0, 1, (300, 20))
    calm[0] = np.nan
    embedding = Reduction.of(noisy, np.arange(300), components=8, whitening=0.1).levelled(calm).apply(calm)
    assert np.nanmean(np.square(embedding.astype(np.float32)).sum(axis=1)) == pytest.approx(1, rel=0.01)


def test_what_is_labelled_likely_or_near_the_decision_is_known_better_first() -> None:
    scores = np.linspace(0, 0.4, 1_000)
    scores[7] = np.nan
    labelled = np.zeros(1_000, dtype=bool)
    labelled[[7, 990]] = True
    rows = most_telling(scores, labelled, head=20, decides=True).tolist()
    assert rows[:2] == [7, 990]
    assert set(range(960, 1_000)) <= set(rows)  # twice the head
    assert rows[2] == 999
    middle = int(np.nanargmin(np.abs(scores - np.nanmean(scores))))
    assert set(range(middle - 5, middle + 5)) <= set(rows)
    assert len(rows) == len(set(rows)) < 70
    by_novelty = most_telling(scores, labelled, head=20, decides=False).tolist()
    assert by_novelty == [7, 990, *(row for row in range(999, 957, -1) if row != 990)][:42]


@given(st.integers(1, 400), st.sampled_from([1, 7, 64]), st.integers(1, 50))
def test_stages_hold_every_row_once_and_blocks_as_a_whole(images: int, block: int, first: int) -> None:
    order = np.random.default_rng(images).permutation(images)
    parts = list(stages(order, block, first, 3))
    assert sorted(np.concatenate(parts).tolist()) == list(range(images))
    assert all((np.diff(part) > 0).all() for part in parts)
    homes = [set((part // block).tolist()) for part in parts]
    assert sum(map(len, homes)) == len(set().union(*homes))
    if block == 1:
        assert set(parts[0].tolist()) == set(order[:first].tolist())


def test_what_was_not_measured_yet_costs_by_pixels_and_views() -> None:
    small, large = Look(32), Look(64)
    coarse = Pass({small: "none", large: "none"}, {}, seconds={small: 2.0}, counts={small: 100})
    fine = Pass({small: "square", large: "none"}, {})
    costs = costs_of([coarse, fine])
    assert costs[0] == pytest.approx({small: 0.02, large: 0.08})
    assert costs[1] == pytest.approx({small: 0.16, large: 0.08})


def test_the_images_that_are_told_grow_from_the_first_of_two_looks_on(tmp_path: Path) -> None:
    small, large = Look(32), Look(64)
    with (
        RowTable(tmp_path / "small.rows", 10, 2) as first,
        RowTable(tmp_path / "large.rows", 10, 2) as second,
    ):
        way = Pass({small: "none", large: "none"}, {small: first, large: second})
        first.write(np.arange(6), np.zeros((6, 2), np.float16))
        assert (way.seen, way.done.sum()) == (3, 0)
        first.write(np.arange(6, 10), np.zeros((4, 2), np.float16))
        second.write(np.arange(10), np.zeros((10, 2), np.float16))
        assert (way.seen, way.done.sum()) == (10, 10)
