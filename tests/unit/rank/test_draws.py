"""Which images are drawn at random, at which looks, and which of them are a sample of the pool."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalymatch_ui.rank import draw_order, drawn_so_far, draws_offered
from anomalymatch_ui.rank.draws import with_draws

EVERY = 20


def test_images_that_come_and_go_leave_the_others_in_the_order_of_the_draw() -> None:
    names = [f"survey/{number:05d}.fits" for number in range(400)]
    before = [names[row] for row in draw_order(names, 7)]
    others = ["a/new one.fits", *names[::-3], "not text \udcff.jpg"]
    after = [others[row] for row in draw_order(others, 7)]
    kept = set(names[::-3])
    assert [name for name in after if name in kept] == [name for name in before if name in kept]
    assert after != sorted(after)
    assert before != [names[row] for row in draw_order(names, 8)]
    assert draw_order([], 7).tolist() == []


def test_numbered_rows_that_are_appended_leave_the_others_in_the_order_of_the_draw() -> None:
    before, after = draw_order(400, 7), draw_order(500, 7)
    assert after[after < 400].tolist() == before.tolist()
    assert sorted(after) == list(range(500))
    assert before.tolist() != draw_order(400, 8).tolist()
    assert draw_order(0, 7).tolist() == []


def test_one_look_in_twenty_is_a_draw_and_before_the_twentieth_there_is_none() -> None:
    assert [draws_offered(looks, EVERY) for looks in (0, 19, 20, 39, 40, 200)] == [0, 0, 1, 1, 2, 10]
    assert draws_offered(200, 0) == 0


def looks_at_draws(drawn: np.ndarray, looks: int) -> list[int]:
    """Return which looks are draws, counted from 1 over the whole search."""
    return (np.flatnonzero(drawn) + looks + 1).tolist()


@given(every=st.integers(1, 30), looks=st.integers(0, 200))
def test_the_looks_that_are_draws_do_not_depend_on_where_a_list_begins(every: int, looks: int) -> None:
    shuffled = np.arange(1000)[::-1]  # drawn from the bottom of the order, so that none stands further up
    labelled = draws_offered(looks, every)
    order = np.arange(1000 - labelled)
    arranged, drawn = with_draws(order, shuffled, every=every, looks=looks)
    at = looks_at_draws(drawn, looks)[:5]
    assert at == [every * (labelled + number) for number in range(1, 1 + len(at))]
    assert arranged[drawn][:5].tolist() == shuffled[labelled : labelled + len(at)].tolist()


@given(
    count=st.integers(0, 200),
    drawable=st.integers(0, 200),
    labelled=st.integers(0, 200),
    every=st.integers(1, 30),
    looks=st.integers(0, 300),
    seed=st.integers(0, 99),
)
def test_each_image_stands_once_and_none_further_down_than_at_both_its_places(
    count: int, drawable: int, labelled: int, every: int, looks: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    order = random.permutation(count)[labelled:]
    shuffled = random.permutation(count)[:drawable]
    arranged, drawn = with_draws(order, shuffled, every=every, looks=looks)
    assert sorted(arranged) == sorted(order)
    assert set(arranged[drawn]) <= set(shuffled)
    assert arranged[~drawn].tolist() == [row for row in order if row not in set(arranged[drawn])]
    place = dict(zip(arranged.tolist(), range(len(arranged)), strict=True))
    draws_above = np.concatenate([[0], np.cumsum(drawn)])
    for by_order, row in enumerate(order.tolist()):
        # No draw but those further up holds it back.
        assert place[row] <= by_order + draws_above[place[row]]
    for number, row in enumerate(shuffled.tolist()):
        due = (number + 1) * every - looks - 1
        if row in place and due >= 0 and not passed_over(shuffled[:number], place, looks, every):
            assert place[row] <= due


def passed_over(before: np.ndarray, place: dict[int, int], looks: int, every: int) -> bool:
    """Return whether a draw from before this list is due still, which holds up those after it."""
    return any((number + 1) * every <= looks and row in place for number, row in enumerate(before.tolist()))


def test_the_likeliest_image_is_not_held_back_to_its_draw() -> None:
    order, shuffled = np.arange(100), np.array([70, 0, 50, 1])
    arranged, drawn = with_draws(order, shuffled, every=10, looks=0)
    assert arranged[:3].tolist() == [0, 1, 2]
    assert looks_at_draws(drawn, 0) == [10, 30]  # the second and fourth stand further up
    assert arranged[drawn].tolist() == [70, 50]


def test_a_draw_that_was_passed_over_comes_again_within_five_looks_and_the_next_ones_when_they_are_due() -> (
    None
):
    order, shuffled = np.arange(300), np.arange(300)[::-1]
    arranged, drawn = with_draws(order, shuffled, every=EVERY, looks=22)
    assert looks_at_draws(drawn, 22)[:3] == [25, 40, 60]
    assert arranged[drawn][:3].tolist() == shuffled[:3].tolist()


def test_many_that_were_passed_over_take_one_place_in_five_until_they_are_caught_up_with() -> None:
    order, shuffled = np.arange(300), np.arange(300)[::-1]
    _, drawn = with_draws(order, shuffled, every=EVERY, looks=81)
    assert looks_at_draws(drawn, 81)[:8] == [85, 90, 95, 100, 105, 120, 140, 160]


def test_the_sample_is_as_many_of_the_draw_order_as_draws_were_offered_and_no_more() -> None:
    shuffled, labelled = np.array([4, 2, 0, 3, 1]), np.array([True, False, True, False, True])
    assert drawn_so_far(shuffled, labelled, 2).tolist() == [4, 2]
    # What a ranking chose ahead of its draw is no part of it.
    assert drawn_so_far(shuffled, np.ones(5, dtype=bool), 2).tolist() == [4, 2]
    assert drawn_so_far(shuffled, np.ones(5, dtype=bool), 9).tolist() == shuffled.tolist()
    # A draw without a label ends it.
    assert drawn_so_far(shuffled, labelled, 5).tolist() == [4, 2, 0]
    assert drawn_so_far(shuffled, ~labelled, 5).tolist() == []


def search(quality: float, looks: int, seed: int, skips: float = 0.0) -> tuple[np.ndarray, np.ndarray, int]:
    """Search 600 images, 30 of them anomalies, with a new ranking after 1 to 40 looks each.

    Parameters
    ----------
    quality
        Of the rankings: at 5 next to all anomalies come first, at 0 none more than by chance, at -5 last.
    looks
        After which it ends.
    seed
        Of images, rankings and draws.
    skips
        Share of the draws that the person passes over each time.

    Returns
    -------
    sample
        Rows drawn so far.
    truth
        Which images are anomalies, bool ``(600,)``.
    draws
        Images seen because they were drawn.
    """
    random = np.random.default_rng(seed)
    truth = random.permutation(600) < 30
    shuffled = draw_order(600, seed)
    labelled = np.zeros(600, dtype=bool)
    draws = 0
    while (done := int(labelled.sum())) < looks:
        scores = quality * truth + random.normal(size=600)
        order = np.argsort(-np.where(labelled, -np.inf, scores), kind="stable")[: 600 - done]
        arranged, drawn = with_draws(order, shuffled, every=EVERY, looks=done)
        page = slice(min(int(random.integers(1, 41)), looks - done))
        looked_at = ~drawn[page] | (random.random(len(drawn[page])) >= skips)
        labelled[arranged[page][looked_at]] = True
        draws += int((drawn[page] & looked_at).sum())
    return drawn_so_far(shuffled, labelled, draws_offered(looks, EVERY)), truth, draws


@pytest.mark.parametrize("quality", [5.0, 2.0, 0.0, -5.0])
def test_the_sample_holds_the_pool_s_share_of_anomalies_however_good_or_bad_the_rankings_are(
    quality: float,
) -> None:
    shares, sizes = [], set()
    for seed in range(600):
        sample, truth, _ = search(quality, 200, seed)
        shares.append(truth[sample].mean())
        sizes.add(len(sample))
    assert sizes == {10}  # one look in twenty, whatever rankings came between
    error = np.mean(shares) - 30 / 600
    assert abs(error) < 3 * np.std(shares) / np.sqrt(len(shares))


def test_the_sample_up_to_the_first_without_a_label_would_be_too_rich() -> None:
    """Why it goes by the draws offered: a good ranking makes the other one end where there is no anomaly."""
    shares = []
    for seed in range(600):
        _, truth, _ = search(5.0, 200, seed)
        labelled = np.zeros(600, dtype=bool)
        labelled[truth] = True
        sample = drawn_so_far(draw_order(600, seed), labelled, 600)
        shares.append(truth[sample].mean() if len(sample) else np.nan)
    assert np.nanmean(shares) > 10 * 30 / 600


@pytest.mark.parametrize("quality", [5.0, 0.0])
def test_draws_that_are_passed_over_now_and_then_are_made_up_for(quality: float) -> None:
    sizes = [len(search(quality, 200, seed, skips=0.5)[0]) for seed in range(100)]
    assert np.mean(sizes) > 8  # of 10


def test_with_draws_a_list_of_a_million_takes_less_than_twice_a_sort() -> None:
    import time

    order, shuffled = np.random.default_rng(0).permutation(1_000_000), draw_order(1_000_000, 0)
    scores = np.random.default_rng(1).random(1_000_000)

    def seconds(work: object) -> float:
        best = np.inf
        for _ in range(3):
            start = time.thread_time()
            work()  # type: ignore[operator]
            best = min(best, time.thread_time() - start)
        return best

    sorting = seconds(lambda: np.argsort(scores, kind="stable"))
    assert seconds(lambda: with_draws(order, shuffled, every=EVERY, looks=0)) < 6 * sorting
