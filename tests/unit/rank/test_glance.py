from __future__ import annotations

import numpy as np
import pytest

from anomalymatch_ui.rank import Glance, LinearHead
from anomalymatch_ui.rank.glance import FEWEST

IMAGES, HALF = 1_000, 20
CHEAP = np.arange(2 * HALF) < HALF
CHOICES = [CHEAP, ~CHEAP]


@pytest.fixture
def head() -> LinearHead:
    return LinearHead(np.random.default_rng(1).normal(0, 1, 2 * HALF).astype(np.float32), 0.5)


def seen_both_ways(noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images by all views, of which both halves say the same, and by one view, which adds noise."""
    random = np.random.default_rng(0)
    half = random.normal(0, 1, (IMAGES, HALF))
    closely = np.concatenate([half, half], axis=1)
    return closely, (closely + random.normal(0, 1, closely.shape) * noise).astype(np.float16)


def told(glance: Glance, in_one_view: np.ndarray, margins: np.ndarray) -> float:
    return float(np.corrcoef(glance.head.margins(in_one_view), margins)[0, 1])


def test_the_cheapest_look_is_taken_that_tells_as_much_as_all_of_them(head: LinearHead) -> None:
    closely, in_one_view = seen_both_ways(np.where(CHEAP, 0.1, 1.0))
    margins = head.margins(closely)
    glance = Glance.of(in_one_view, margins, head, CHOICES)
    assert (glance.head.weights[~CHEAP] == 0).all()
    assert told(glance, in_one_view, margins) > np.corrcoef(head.margins(in_one_view), margins)[0, 1]
    guess = glance.coarse.apply(glance.head.margins(in_one_view))
    assert np.polyfit(guess, margins, 1) == pytest.approx([1, 0], abs=0.05)


def test_a_look_that_tells_less_is_passed_over(head: LinearHead) -> None:
    closely, in_one_view = seen_both_ways(np.where(CHEAP, 8.0, 0.1))
    glance = Glance.of(in_one_view, head.margins(closely), head, CHOICES)
    assert (glance.head.weights[CHEAP] == 0).all()


def test_where_no_look_is_enough_the_session_s_own_head_goes_by_all(head: LinearHead) -> None:
    random = np.random.default_rng(0)
    closely = random.normal(0, 1, (IMAGES, 2 * HALF)).astype(np.float16)  # each half tells of its own
    margins = head.margins(closely)
    glance = Glance.of(closely, margins, head, CHOICES)
    assert glance.head is head
    assert (glance.coarse.slope, glance.coarse.offset) == pytest.approx((1, 0), abs=1e-5)


def test_a_few_images_teach_no_head(head: LinearHead) -> None:
    closely, in_one_view = seen_both_ways(np.where(CHEAP, 0.1, 1.0))
    margins = head.margins(closely)
    in_one_view[FEWEST - 1 :] = np.nan
    assert Glance.of(in_one_view, margins, head, CHOICES).head is head
    nothing = Glance.of(in_one_view[FEWEST:], margins[FEWEST:], head, CHOICES)
    assert nothing.head is head
    assert nothing.coarse.slope == 1


def test_images_that_are_all_alike_are_no_trouble(head: LinearHead) -> None:
    alike = np.zeros((IMAGES, 2 * HALF), np.float16)
    glance = Glance.of(alike, np.zeros(IMAGES), head, CHOICES)
    assert np.isfinite(glance.head.margins(alike)).all()
