from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalymatch_ui.rank import Listing, arrange, is_exhausted, unlike_labelled
from anomalymatch_ui.rank.exploration import BEST, EVERY, MOST_NOVEL, with_unlike

NONE_TAKEN = np.zeros(100, dtype=bool)
SCORES = np.linspace(0.09, 0.01, 100).astype(np.float32)


@pytest.mark.parametrize(("probability", "exhausted"), [(0.05, True), (0.2, False)])
def test_a_search_is_exhausted_when_little_is_expected_of_the_best(
    probability: float, exhausted: bool
) -> None:
    scores = np.full(100, 0.001, np.float32)
    scores[:BEST] = probability
    assert is_exhausted(scores, NONE_TAKEN, 0.1) is exhausted


def test_images_with_a_label_and_unreadable_ones_say_nothing_of_what_is_left() -> None:
    scores = np.full(100, 0.001, np.float32)
    scores[:30], scores[30:40] = 0.9, np.nan
    assert not is_exhausted(scores, NONE_TAKEN, 0.1)
    assert is_exhausted(scores, np.arange(100) < 30, 0.1)


def test_nothing_is_less_than_a_share_of_nothing_and_where_none_is_left_none_is_exhausted() -> None:
    assert not is_exhausted(np.zeros(100, np.float32), NONE_TAKEN, 0.0)
    assert not is_exhausted(np.zeros(100, np.float32), ~NONE_TAKEN, 0.1)
    assert not is_exhausted(np.full(100, np.nan, np.float32), NONE_TAKEN, 0.1)


def kinds_of_images() -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Return the embedding of 200 ordinary images and three kinds of ten unusual ones, and their novelty."""
    random = np.random.default_rng(5)
    embedding = random.normal(size=(230, 8)).astype(np.float32)
    kinds = [np.arange(200 + 10 * kind, 210 + 10 * kind) for kind in range(3)]
    for axis, rows in enumerate(kinds):
        embedding[rows, axis] += 16 - 4 * axis  # the first kind is the most unusual one
    return embedding, np.linalg.norm(embedding, axis=1), kinds


def test_an_unusual_kind_that_nobody_has_labelled_comes_before_one_that_has_labels() -> None:
    embedding, novelty, kinds = kinds_of_images()
    labelled = np.zeros(230, dtype=bool)
    labelled[[*kinds[0][:3], *kinds[1][:3], *range(20)]] = True
    assert set(np.argsort(-novelty)[:10]) == set(kinds[0])  # as novelty alone would have it
    rows = unlike_labelled(embedding, novelty, labelled, 230).tolist()
    places = [np.median([rows.index(row) for row in kind if not labelled[row]]) for kind in kinds]
    assert places[2] < min(places[:2])


def test_before_the_first_label_the_most_unusual_come_first() -> None:
    embedding, novelty, _kinds = kinds_of_images()
    rows = unlike_labelled(embedding, novelty, np.zeros(230, dtype=bool), 5)
    assert rows.tolist() == np.argsort(-novelty)[:5].tolist()


def test_images_that_cannot_be_read_or_were_not_looked_at_are_left_out() -> None:
    embedding, novelty, kinds = kinds_of_images()
    embedding[kinds[2]], novelty[kinds[2]] = np.nan, np.nan
    labelled = np.zeros(230, dtype=bool)
    labelled[[0, 1, kinds[2][0]]] = True
    rows = unlike_labelled(embedding, novelty, labelled, 1_000)
    assert sorted(rows) == sorted(set(range(2, 220)))


def test_of_a_large_pool_the_most_novel_alone_are_compared() -> None:
    novelty = np.linspace(0, 1, MOST_NOVEL + 100)
    embedding = np.ones((len(novelty), 2), np.float32)
    labelled = np.zeros(len(novelty), dtype=bool)
    labelled[-1] = True
    rows = unlike_labelled(embedding, novelty, labelled, 10**6)
    assert len(rows) == MOST_NOVEL
    assert rows.min() == 99


@given(
    st.permutations(range(30)),
    st.lists(st.integers(0, 29), unique=True),
    st.integers(0, 40),
)
def test_no_image_is_lost_and_one_is_moved_to_each_second_place(
    order: list[int], unlike: list[int], head: int
) -> None:
    arranged, moved = with_unlike(np.array(order), np.array(unlike, np.int64), head)
    assert sorted(arranged) == list(range(30))
    assert all(place % EVERY == EVERY - 1 and place < head for place in np.flatnonzero(moved))
    assert set(arranged[moved]) <= set(unlike)
    assert [row for row in arranged if row not in set(arranged[moved])] == [
        row for row in order if row not in set(arranged[moved])
    ]


def listed(
    unlike: np.ndarray, scores: np.ndarray = SCORES, taken: np.ndarray = NONE_TAKEN, **how: Any
) -> Listing:
    """List a hundred images as somebody meets them, ten places of which unlike ones may take."""
    how = {"random_every": 0, "head": 10, "shuffled": np.arange(100), **how}
    return arrange(scores, np.zeros((100, 1), np.float16), taken, "diverse", unlike=unlike, **how)


def test_the_likeliest_image_stays_first_and_each_card_says_why_it_stands_there() -> None:
    listing = listed(np.array([90, 2, 80, 91, 92, 93]))
    assert listing.order[:10].tolist() == [0, 90, 1, 2, 3, 80, 4, 91, 5, 92]
    assert np.flatnonzero(listing.unlike).tolist() == [1, 5, 7, 9]  # 2 would stand there by its score, too
    assert listing.order[10:14].tolist() == [6, 7, 8, 9]
    assert not (listing.drawn | listing.duplicate).any()


def test_unlike_images_that_have_no_score_or_are_taken_are_not_listed() -> None:
    scores = SCORES.copy()
    scores[[90, 91]] = np.nan  # not looked at when the order was made, or unreadable for the network
    taken = NONE_TAKEN.copy()
    taken[92] = True
    listing = listed(np.array([90, 91, 92, 93]), scores, taken)
    assert listing.order[:4].tolist() == [0, 93, 1, 2]
    assert sorted(listing.order) == sorted(set(range(100)) - {90, 91, 92})
    assert len(listing.unlike) == len(listing.drawn) == 97


def test_a_draw_has_its_place_among_unlike_images() -> None:
    listing = listed(np.arange(60, 90), random_every=20, head=100, shuffled=np.arange(100)[::-1], looks=40)
    assert listing.order[19] == 97  # looks 20 and 40 offered 99 and 98, which are offered again further up
    assert listing.drawn[19]
    assert not listing.unlike[19]
