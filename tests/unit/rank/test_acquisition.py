from __future__ import annotations

import time
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalymatch_ui.rank import draw_order
from anomalymatch_ui.rank.acquisition import UNCERTAIN_EVERY, Acquisition, Listing, arrange

STRATEGIES: tuple[Acquisition, ...] = get_args(Acquisition)
every_strategy = pytest.mark.parametrize("acquisition", STRATEGIES)


def listing(
    scores: np.ndarray,
    acquisition: Acquisition = "most_likely",
    *,
    embeddings: np.ndarray | None = None,
    taken: np.ndarray | None = None,
    random_every: int = 0,
    head: int = 300,
    seed: int = 0,
    shuffled: np.ndarray | None = None,
    looks: int = 0,
) -> Listing:
    if shuffled is None:
        shuffled = draw_order(len(scores), seed)
    if embeddings is None:
        embeddings = np.random.default_rng(1).normal(size=(len(scores), 16)).astype(np.float16)
    if taken is None:
        taken = np.zeros(len(scores), dtype=bool)
    return arrange(
        scores,
        embeddings,
        taken,
        acquisition,
        random_every=random_every,
        head=head,
        shuffled=shuffled,
        looks=looks,
    )


def spaced_scores(count: int) -> np.ndarray:
    """From nearly 1 down to nearly 0, so that row 0 is the most likely."""
    return np.linspace(0.99, 0.01, count, dtype=np.float32)


@given(
    scores=st.lists(st.floats(0, 1, width=32) | st.just(float("nan")), max_size=70),
    data=st.data(),
    acquisition=st.sampled_from(STRATEGIES),
    random_every=st.integers(0, 7),
    head=st.integers(0, 30),
    seed=st.integers(0, 99),
)
def test_every_readable_image_that_is_not_taken_is_listed_once_and_no_other(
    scores: list[float],
    data: st.DataObject,
    acquisition: Acquisition,
    random_every: int,
    head: int,
    seed: int,
) -> None:
    array = np.array(scores, dtype=np.float32)
    taken = np.array(data.draw(st.lists(st.booleans(), min_size=len(array), max_size=len(array))), bool)
    # Few directions, zeros among them: duplicates and images without a direction.
    embeddings = np.array([[row % 3, row % 2] for row in range(len(array))], np.float16).reshape(-1, 2)
    result = listing(
        array,
        acquisition,
        embeddings=embeddings,
        taken=taken,
        random_every=random_every,
        head=head,
        seed=seed,
    )
    assert sorted(result.order) == list(np.flatnonzero(~taken & ~np.isnan(array)))
    assert result.order.dtype == np.int64
    places = np.arange(1, len(result.order) + 1)
    at_draws = places % random_every == 0 if random_every else np.zeros(len(places), bool)
    assert len(result.drawn) == len(result.duplicate) == len(places)
    if not taken.any():
        assert not (result.drawn & ~at_draws).any()


@every_strategy
@pytest.mark.parametrize("why", ["no image", "all unreadable", "all taken"])
def test_a_pool_with_nothing_to_show_gives_an_empty_listing(acquisition: Acquisition, why: str) -> None:
    scores = np.full(0 if why == "no image" else 5, np.nan if why == "all unreadable" else 0.5, np.float32)
    taken = np.full(len(scores), why == "all taken")
    result = listing(scores, acquisition, taken=taken, random_every=2)
    assert len(result.order) == len(result.drawn) == 0


@every_strategy
def test_a_single_image_is_listed(acquisition: Acquisition) -> None:
    assert listing(np.array([0.3], np.float32), acquisition).order.tolist() == [0]


@every_strategy
@pytest.mark.parametrize("score", [0.0, 0.5, 1.0])
def test_equal_scores_of_images_that_are_all_alike_keep_the_order_of_the_pool(
    acquisition: Acquisition, score: float
) -> None:
    scores = np.full(50, score, np.float32)
    result = listing(scores, acquisition, embeddings=np.ones((50, 4), np.float16))
    assert result.order.tolist() == list(range(50))


@every_strategy
def test_one_seed_gives_one_listing(acquisition: Acquisition) -> None:
    scores = np.random.default_rng(5).random(500).astype(np.float32)
    first, second = (listing(scores, acquisition, random_every=20, seed=9) for _ in range(2))
    np.testing.assert_array_equal(first.order, second.order)


@every_strategy
def test_the_arguments_are_left_as_they_were(acquisition: Acquisition) -> None:
    scores, taken = spaced_scores(100), np.zeros(100, dtype=bool)
    embeddings = np.random.default_rng(0).normal(size=(100, 8)).astype(np.float16)
    for array in (scores, taken, embeddings):
        array.setflags(write=False)
    listing(scores, acquisition, embeddings=embeddings, taken=taken, random_every=10)


def test_the_most_likely_come_from_high_to_low() -> None:
    scores = np.array([0.2, 0.9, np.nan, 0.4], np.float32)
    assert listing(scores).order.tolist() == [1, 3, 0]


def test_among_calibrated_scores_the_uncertain_are_those_near_the_prevalence() -> None:
    scores = np.array([0.9] + [0.001] * 97 + [0.011, 0.5], np.float32)  # their mean is 0.016
    order = listing(scores, "uncertain").order
    assert order[0] == 98
    assert order.tolist().index(99) < order.tolist().index(0)


def test_for_balanced_scores_the_uncertain_are_those_near_one_half() -> None:
    scores = np.array([0.01, 0.1, 0.45, 0.55, 0.9, 0.99], np.float32)
    assert set(listing(scores, "uncertain").order[:2]) == {2, 3}


def test_labelling_from_the_top_does_not_move_the_decision() -> None:
    scores = np.random.default_rng(2).beta(0.3, 5, 2000).astype(np.float32)
    taken = np.zeros(2000, dtype=bool)
    taken[listing(scores).order[:200]] = True
    before = listing(scores, "uncertain").order
    after = listing(scores, "uncertain", taken=taken).order
    np.testing.assert_array_equal(after, before[~taken[before]])


def near_duplicates_on_top() -> tuple[np.ndarray, np.ndarray]:
    """500 images; rows 0 to 29, the most likely, are one field over and over."""
    embeddings = np.random.default_rng(3).normal(size=(500, 64))
    embeddings[:30] = embeddings[0] + np.random.default_rng(4).normal(scale=0.05, size=(30, 64))
    return spaced_scores(500), embeddings.astype(np.float16)


def test_diverse_shows_near_duplicates_once_and_the_others_after_the_rest_of_the_head() -> None:
    scores, embeddings = near_duplicates_on_top()
    order = listing(scores, "diverse", embeddings=embeddings, head=100).order
    assert order[:71].tolist() == [0, *range(30, 100)]
    assert order[71:].tolist() == [*range(1, 30), *range(100, 500)]


def test_diverse_keeps_the_order_by_score_of_images_that_are_not_alike() -> None:
    scores, embeddings = spaced_scores(40), np.eye(40, dtype=np.float16)
    assert listing(scores, "diverse", embeddings=embeddings).order.tolist() == list(range(40))


def test_images_of_one_kind_are_no_duplicates() -> None:
    random, scores = np.random.default_rng(3), spaced_scores(500)
    embeddings = random.normal(size=(500, 64))
    embeddings[:30] = random.normal(size=64) + random.normal(
        scale=0.75, size=(30, 64)
    )  # cosines of 0.4 to 0.8
    assert listing(scores, "diverse", embeddings=embeddings).order.tolist() == list(range(500))


def test_groups_of_duplicates_take_turns() -> None:
    scores, embeddings = spaced_scores(300), np.eye(300, dtype=np.float16)
    embeddings[1:3] = embeddings[0]
    embeddings[4:6] = embeddings[3]
    order = listing(scores, "diverse", embeddings=embeddings, head=7).order
    assert order[:7].tolist() == [0, 3, 6, 1, 4, 2, 5]


def test_images_without_a_direction_duplicate_nothing() -> None:
    scores, embeddings = spaced_scores(60), np.zeros((60, 8), np.float16)
    embeddings[30:] = np.nan
    assert listing(scores, "diverse", embeddings=embeddings).order.tolist() == list(range(60))


def test_mixed_is_mostly_the_diverse_order_with_every_fifth_image_an_uncertain_one() -> None:
    scores, embeddings = near_duplicates_on_top()
    scores = scores**4
    diverse = listing(scores, "diverse", embeddings=embeddings, head=100).order
    uncertain = listing(scores, "uncertain").order
    assert not set(diverse[:48]) & set(uncertain[:12])
    page = listing(scores, "mixed", embeddings=embeddings, head=100).order[:60]
    turns = np.arange(60) % UNCERTAIN_EVERY == UNCERTAIN_EVERY - 1
    np.testing.assert_array_equal(page[turns], uncertain[:12])
    np.testing.assert_array_equal(page[~turns], diverse[:48])


def test_a_draw_is_the_next_of_the_draw_order_whatever_the_scores() -> None:
    rows, shuffled = spaced_scores(1000), draw_order(1000, 0)
    for scores in (rows, rows[::-1].copy()):
        result = listing(scores, random_every=20)
        for place, row in enumerate(shuffled[:15].tolist()):
            at = result.order.tolist().index(row)
            assert at == 20 * place + 19 if result.drawn[at] else at < 20 * place + 19


def test_every_image_is_among_the_looks_at_draws_equally_often_over_many_seeds() -> None:
    """Drawn, or already further up: the first ten of the draw order after 50 looks."""
    scores, times = spaced_scores(100), np.zeros(100)
    for seed in range(2000):
        shuffled = draw_order(100, seed)[:10]
        assert set(shuffled) <= set(listing(scores, random_every=5, seed=seed).order[:50])
        times[shuffled] += 1
    # Binomial: 200 expected, 13.4 its standard deviation; the top ten together 2000 and 40.
    assert np.abs(times - 200).max() < 5 * 13.4
    assert abs(times[:10].sum() - 2000) < 5 * 40


def test_the_draw_goes_on_where_it_was_when_what_was_shown_has_been_labelled() -> None:
    scores, taken = spaced_scores(1000), np.zeros(1000, dtype=bool)
    before = listing(scores, random_every=20)
    for looks in (7, 19, 20, 60):
        taken[before.order[:looks]] = True
        after = listing(scores, random_every=20, taken=taken, looks=looks)
        np.testing.assert_array_equal(after.order, before.order[looks:])
        np.testing.assert_array_equal(after.drawn, before.drawn[looks:])


@given(
    count=st.integers(1, 200),
    drawable=st.integers(0, 40),
    random_every=st.integers(1, 7),
    looks=st.integers(0, 60),
)
def test_of_a_shortlist_only_what_may_be_drawn_is_drawn_and_every_image_is_listed_once(
    count: int, drawable: int, random_every: int, looks: int
) -> None:
    scores = spaced_scores(count)
    may = np.arange(count) >= count - drawable
    result = listing(scores, random_every=random_every, looks=looks, shuffled=np.flatnonzero(may)[::-1])
    assert sorted(result.order) == list(range(count))
    assert may[result.order[result.drawn]].all()
    # Where nothing is left to draw, the places go by the order.
    others = result.order[~result.drawn]
    assert (np.diff(others) > 0).all()


@given(
    count=st.integers(1, 2000),
    random_every=st.integers(2, 30),
    looks=st.integers(0, 300),
    seed=st.integers(0, 99),
)
def test_no_likely_image_is_held_back_by_more_than_the_draws_before_it(
    count: int, random_every: int, looks: int, seed: int
) -> None:
    result = listing(spaced_scores(count), random_every=random_every, looks=looks, seed=seed)
    belongs, place = np.arange(count), np.argsort(result.order)
    draws_before = np.concatenate([[0], np.cumsum(result.drawn)])[place]
    assert np.all(place <= belongs + draws_before)


@pytest.mark.parametrize("acquisition", ["most_likely", "diverse"])
def test_the_first_image_is_the_likeliest_unless_it_is_drawn(acquisition: Acquisition) -> None:
    scores, embeddings = near_duplicates_on_top()
    taken = np.zeros(500, dtype=bool)
    for looks in range(45):
        result = listing(
            scores, acquisition, embeddings=embeddings, taken=taken, random_every=20, looks=looks
        )
        if result.drawn[0]:
            assert looks in (19, 39)
        else:
            assert result.order[0] == np.flatnonzero(~taken)[0]  # the scores fall from row to row
        taken[result.order[0]] = True


def test_what_comes_later_because_it_duplicates_another_is_marked_and_nothing_else_is() -> None:
    scores, embeddings = near_duplicates_on_top()
    result = listing(scores, "diverse", embeddings=embeddings, head=100)
    assert sorted(result.order[result.duplicate]) == list(range(1, 30))
    drawn = listing(
        scores, "diverse", embeddings=embeddings, head=100, random_every=20, shuffled=np.arange(30)
    )
    assert not (drawn.drawn & drawn.duplicate).any()
    assert not listing(scores, "most_likely", embeddings=embeddings).duplicate.any()


@every_strategy
def test_a_hundred_thousand_images_are_arranged_in_the_time_of_a_few_sorts(acquisition: Acquisition) -> None:
    random = np.random.default_rng(0)
    scores = random.beta(0.3, 6, 100_000).astype(np.float32)
    embeddings = random.integers(-99, 99, (100_000, 256), dtype=np.int8).astype(np.float16)
    shuffled = draw_order(100_000, 0)  # once for a session

    def arranged() -> None:
        listing(scores, acquisition, embeddings=embeddings, random_every=20, shuffled=shuffled)

    def seconds(work: Callable[[], object]) -> float:
        start = time.thread_time()  # of the processor: another program may want it, too
        work()
        return time.thread_time() - start

    pairs = [(seconds(arranged), seconds(lambda: np.argsort(scores, kind="stable"))) for _ in range(10)]
    arranging, sorting = np.min(pairs, axis=0)
    # One sort takes 13 ms, and the dearest of the orders as long as three and a half.
    assert arranging < 8 * sorting
