"""The arithmetic of a completeness: places, shares, intervals."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anomalymatch_ui.rank import binomial_interval, places_among, shares_by, shares_within

SCORES = st.floats(0, 1, width=32)


def test_a_place_is_that_before_all_images_that_score_no_higher():
    order = np.array([0.9, 0.5, np.nan, 0.7])
    nobody = np.array([2, 2, 2, 2])
    assert places_among(np.array([0.95, 0.7, 0.1, np.nan]), order, nobody).tolist() == [1, 2, 4, 0]


def test_the_image_painted_into_is_not_in_the_way_of_its_own_object():
    order = np.array([0.9, 0.5, 0.7])
    assert places_among(np.array([0.6, 0.6]), order, np.array([0, 1])).tolist() == [2, 3]


@given(arrays(np.float32, st.integers(1, 40), elements=SCORES), st.data())
def test_an_image_put_back_where_it_was_has_the_place_it_had(order: np.ndarray, data: st.DataObject):
    row = data.draw(st.integers(0, len(order) - 1))
    (place,) = places_among(order[[row]], order, np.array([row]))
    assert place == 1 + (order > order[row]).sum()


@given(
    arrays(np.float64, st.integers(0, 300), elements=st.floats(allow_infinity=True, allow_nan=True)),
    st.integers(0, 2**32),
)
def test_every_object_of_a_known_value_is_in_one_bin(values: np.ndarray, seed: int):
    recovered = np.random.default_rng(seed).random(len(values)) < 0.5
    shares = shares_by(values, recovered)
    known = np.isfinite(values)
    assert shares.painted.sum() == known.sum()
    assert shares.recovered.sum() == recovered[known].sum()
    assert (shares.low[1:] == shares.high[:-1]).all()
    assert (shares.low <= shares.high).all()


def test_bins_hold_about_equally_many_and_show_what_the_share_depends_on():
    values = np.arange(240.0)
    shares = shares_by(values, values >= 120)
    assert shares.painted.tolist() == [40] * 6
    assert shares.fraction.tolist() == [0, 0, 0, 1, 1, 1]
    low, high = shares.interval
    assert ((low <= shares.fraction) & (shares.fraction <= high)).all()


def test_the_share_within_the_first_images_grows_to_that_of_all():
    shares = shares_within(np.array([1, 7, 30, 400]), 400)
    assert shares.high.tolist() == [10, 20, 50, 100, 200, 400]
    assert shares.recovered.tolist() == [2, 2, 3, 3, 3, 4]


def test_exact_intervals_hold_the_truth_at_least_as_often_as_they_say():
    random = np.random.default_rng(0)
    for share in (0.02, 0.3, 0.9):
        low, high = binomial_interval(random.binomial(60, share, 2_000), np.full(2_000, 60))
        assert ((low <= share) & (share <= high)).mean() > 0.94
