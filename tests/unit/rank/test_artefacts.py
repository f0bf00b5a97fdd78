"""Artefacts: a few of them are enough for their likes to leave the top."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomalymatch_ui.config import HeadConfig
from anomalymatch_ui.rank import Artefacts, LinearHead, fit_instant, share_removed
from anomalymatch_ui.session.look.embedded import Embedded

CONFIG = HeadConfig()
SIDES = 8


@pytest.fixture(scope="module")
def sky():
    """Ordinary images, two kinds of artefacts that nothing else is as far from, and rings."""
    random = np.random.default_rng(0)
    ordinary = random.normal(size=(3_000, SIDES))
    spikes, trails, rings = (
        random.normal(size=(count, SIDES)) + 9 * np.eye(SIDES)[axis]
        for count, axis in ((90, 0), (60, 1), (20, 2))
    )
    table = np.concatenate([ordinary, spikes, trails, rings]).astype(np.float32)
    return Embedded(table), np.arange(3_000, 3_150), np.arange(3_150, 3_170)


def top(scores, left, count=100):
    rows = np.flatnonzero(left)
    return rows[np.argsort(-scores[rows])[:count]]


def test_thirty_labelled_artefacts_clear_the_top_by_novelty_of_their_likes_and_of_nothing_else(sky):
    embedded, artefacts, rings = sky
    labelled = np.random.default_rng(1).choice(artefacts, 30, replace=False)
    left = np.ones(len(embedded.table), bool)
    left[labelled] = False
    before = top(embedded.novelty(), left)
    learnt = Artefacts.of(embedded.table, labelled, np.empty(0, np.int64), CONFIG, seed=0)
    after = top(embedded.novelty(learnt), left)
    assert np.isin(before, artefacts).mean() >= 0.8  # the others are the 20 rings
    assert np.isin(after, artefacts).mean() <= 0.2 * np.isin(before, artefacts).mean()
    assert np.isin(rings, after).all()
    # Of what is left, the more novel still come first.
    rest = before[~np.isin(before, artefacts)]
    assert after[np.isin(after, rest)].tolist() == rest.tolist()


def test_other_images_like_artefacts_step_back_as_far_as_those_of_the_pool(sky):
    embedded, artefacts, rings = sky
    labelled = artefacts[::5]
    learnt = Artefacts.of(embedded.table, labelled, np.empty(0, np.int64), CONFIG, seed=0)
    novelty = learnt.novelty(embedded.table, embedded.table)
    left = np.setdiff1d(np.arange(len(novelty)), labelled)
    np.testing.assert_array_equal(novelty[left], embedded.novelty(learnt)[left])
    assert np.median(novelty[artefacts]) < 0.5 < np.median(embedded.novelty()[artefacts])
    assert (novelty[rings] > 0.9).all()


def test_without_a_readable_artefact_nothing_is_learnt(sky):
    table = sky[0].table.copy()
    table[7] = np.nan
    none = np.empty(0, np.int64)
    assert Artefacts.of(table, np.array([7]), none, CONFIG, seed=0) is None
    assert Artefacts.of(table, none, none, CONFIG, seed=0) is None
    assert Artefacts.of(table[:1], np.array([0]), none, CONFIG, seed=0) is None


def test_artefacts_alone_do_not_stand_for_ordinary_images(sky):
    embedded, artefacts, rings = sky
    model = fit_instant(embedded.table, rings[:3], artefacts[::10], CONFIG, seed=0, artefacts=artefacts[::10])
    assert model.source == "similarity to the anomalies"
    assert isinstance(model.model, LinearHead)
    first = top(model.scores(embedded.table), np.ones(len(embedded.table), bool), 20)
    assert np.isin(first, rings).mean() > 0.7
    assert not np.isin(first, artefacts).any()
    # With a nominal image among them it is the labels alone that count, as without artefacts.
    nominals = np.append(artefacts[::10], 0)
    assert fit_instant(
        embedded.table, rings[:3], nominals, CONFIG, seed=0, artefacts=artefacts[::10]
    ).source == ("linear head")


SCORES = st.lists(st.floats(0, 1) | st.just(float("nan")), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(SCORES, st.integers(1, 12), st.data())
def test_what_was_removed_is_a_share_of_what_stood_there(former, first, data):
    former = np.array(former)
    left = np.array(data.draw(st.lists(st.booleans(), min_size=len(former), max_size=len(former))))
    present = np.array(data.draw(st.permutations(list(former))))
    assert share_removed(former, former, left, first) == 0
    share = share_removed(former, present, left, first)
    known = (left & np.isfinite(former) & np.isfinite(present)).sum()
    assert 0 <= share <= 1
    assert known > first or share == 0
