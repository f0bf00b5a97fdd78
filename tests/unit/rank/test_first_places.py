from __future__ import annotations

import numpy as np
import pytest

from anomalymatch_ui.rank import Forecast, Places, Scale, Telling, order_by_score, with_first_places
from anomalymatch_ui.rank.first_places import HEAD

IMAGES = 30_000


@pytest.fixture
def forecast() -> Forecast:
    return Forecast(Scale(0.0, 1.0, 3.0), np.array([-6.0]), np.array([1.5]), np.zeros(1), np.ones(1))


@pytest.fixture
def last(forecast: Forecast) -> Places:
    margins = np.random.default_rng(0).normal(0, 1, IMAGES).astype(np.float32)
    margins[[5, 77]] = np.nan
    scores = forecast.probabilities(margins)
    return Places(margins, scores, order_by_score(scores))


def test_what_is_measured_again_is_the_head_the_decision_the_labels_and_a_random_share(last: Places) -> None:
    labelled = np.array([int(last.order[-1]), 5])
    telling = Telling.of(last, labelled)
    assert (np.diff(telling.rows) > 0).all()
    assert set(last.order[:HEAD].tolist()) | set(labelled.tolist()) <= set(telling.rows.tolist())
    decision = last.scores[last.order].mean()
    nearest = np.argsort(np.abs(last.scores[last.order] - decision))[:200]
    assert np.isin(last.order[nearest], telling.rows).all()
    places = np.argsort(last.order)[telling.rows[telling.sample & np.isin(telling.rows, last.order)]]
    assert abs(places.mean() / IMAGES - 0.5) < 0.03
    assert len(telling.rows) < 8_000


def test_the_same_margins_on_another_scale_change_nothing(last: Places, forecast: Forecast) -> None:
    telling = Telling.of(last, np.array([5, 9]))
    places = with_first_places(last, telling, 3 * last.margins[telling.rows] - 7, forecast)
    np.testing.assert_allclose(places.margins, last.margins, atol=1e-5)
    np.testing.assert_allclose(places.scores, last.scores, atol=1e-4)
    assert np.isin(places.order[:100], last.order[:102]).all()


def test_images_come_to_the_first_places_and_leave_them_while_all_others_stay_in_turn(
    last: Places, forecast: Forecast
) -> None:
    telling = Telling.of(last, np.empty(0, np.int64))
    margins = last.margins[telling.rows].copy()
    up, down = last.order[3_000], last.order[0]
    margins[telling.rows == up], margins[telling.rows == down] = 9, -9
    places = with_first_places(last, telling, margins, forecast)
    assert places.order[0] == up
    assert places.order[-1] == down
    assert np.sort(places.order).tolist() == np.sort(last.order).tolist()
    assert (np.diff(places.scores[places.order]) <= 0).all()
    others = np.flatnonzero(~np.isin(np.arange(IMAGES), telling.rows))
    np.testing.assert_array_equal(
        places.order[np.isin(places.order, others)], last.order[np.isin(last.order, others)]
    )
    np.testing.assert_array_equal(places.scores[others], last.scores[others])


def test_what_it_was_given_stays_as_it_was(last: Places, forecast: Forecast) -> None:
    for array in (last.margins, last.scores, last.order):
        array.flags.writeable = False
    telling = Telling.of(last, np.empty(0, np.int64))
    with_first_places(last, telling, -last.margins[telling.rows], forecast)


def test_an_order_of_few_images_or_none_is_no_trouble(forecast: Forecast) -> None:
    for margins in (np.full(4, np.nan, np.float32), np.array([1, np.nan, 3], np.float32)):
        scores = forecast.probabilities(margins)
        last = Places(margins, scores, order_by_score(scores))
        telling = Telling.of(last, np.array([1]))
        places = with_first_places(last, telling, margins[telling.rows], forecast)
        np.testing.assert_array_equal(places.order, last.order)
