from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.labels import Journal
from anomalymatch_ui.session import Session, Status
from anomalymatch_ui.session.work import rankings
from anomalymatch_ui.session.work.instant import InstantClock

RINGS = [f"{number:04d}.jpg" for number in range(6)]
DISCS = [f"{number:04d}.jpg" for number in range(20, 30)]


@pytest.fixture
def ranked(pool_folder: Path, swift: Config, tmp_path: Path):
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        session.rank(wait=True)
        yield session


def settled(session: Session) -> Session:
    assert session._rankings.settle(20)
    return session


def places(session: Session, ids: list[str]) -> np.ndarray:
    order = [session.pool.ids[index] for index in session.ranking().order]
    return np.array([order.index(name) for name in ids])


def test_every_label_brings_an_order_without_being_asked(ranked: Session) -> None:
    before = ranked.ranking().version
    ranked.label(RINGS[:1], "anomaly")
    first = settled(ranked).ranking()
    assert (first.version, first.source) == (before + 1, "similarity to the anomalies")
    ranked.label(DISCS, "nominal")
    assert settled(ranked).ranking().source == "linear head"
    assert places(ranked, RINGS).max() < 12
    ranked.undo()
    assert settled(ranked).ranking().source == "similarity to the anomalies"


def test_labels_that_came_after_the_ranking_on_disk_are_followed_when_it_is_opened(ranked: Session) -> None:
    ranked.label(DISCS, "nominal")
    settled(ranked).close()
    with Journal(ranked.path / "journal.sqlite") as journal:  # as if a crash had kept the order from disk
        journal.append(RINGS[:1], "anomaly", "ada", "key")
        last = journal.last_seq
    with Session.open(ranked.path) as again:
        assert settled(again).ranking().last_seq == last
        assert again.ranking().source == "linear head"
        version = again.ranking().version
    with Session.open(ranked.path) as again:  # nothing is made anew where the order is that of now
        assert settled(again).ranking().version == version


def test_a_label_during_training_changes_the_order_before_training_ends(ranked: Session) -> None:
    ranked.label(RINGS[:2], "anomaly")
    ranked.label(DISCS, "nominal")
    settled(ranked)
    ranked.train(steps=10_000)
    while ranked.status.phase != "training":
        threading.Event().wait(0.01)
    before = ranked.ranking().version
    ranked.label(RINGS[2:4], "anomaly")
    assert settled(ranked).ranking().version > before
    assert ranked.status.phase == "training"
    ranked.stop()


def test_after_a_cycle_a_label_moves_the_fused_order(ranked: Session) -> None:
    ranked.label(RINGS[:2], "anomaly")
    ranked.label(DISCS, "nominal")
    ranked.train(wait=True)
    trained = ranked.ranking()
    assert trained.source == "cycle 1 and linear head"
    ranked.label(RINGS[2:4], "nominal")
    after = settled(ranked).ranking()
    assert after.source == "cycle 1 and linear head"
    assert not np.array_equal(after.scores, trained.scores)


def test_a_session_opened_again_goes_on_from_the_order_it_was_left_in(
    ranked: Session, pool_folder: Path, swift: Config
) -> None:
    ranked.label(RINGS[:2], "anomaly")
    ranked.label(DISCS, "nominal")
    ranked.train(wait=True)
    ranked.label(RINGS[2:3], "anomaly")
    left = settled(ranked).ranking()
    ranked.close()
    with Session.open(ranked.path, pool_folder) as again:
        np.testing.assert_array_equal(again.ranking().scores, left.scores)
        again.label(RINGS[3:4], "anomaly")
        assert settled(again).ranking().source == "cycle 1 and linear head"


def test_the_clock_can_be_switched_off(pool_folder: Path, swift: Config, tmp_path: Path) -> None:
    config = swift.with_values(instant=False)
    with Session.open(tmp_path / "session", pool_folder, config=config) as session:
        session.rank(wait=True)
        session.label(RINGS[:1], "anomaly")
        assert settled(session).ranking().version == 1


def test_the_clock_does_at_once_what_was_asked_for_at_once() -> None:
    done, gate, begun = [], threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        gate.wait(300)
        done.append(1)

    clock = InstantClock(work, lambda error: None)
    clock.tick()
    begun.wait(300)
    for _ in range(50):
        clock.tick()
    gate.set()
    assert clock.settle(300)
    assert len(done) == 2
    clock.close()
    clock.tick()
    assert len(done) == 2


def test_a_failure_is_told_and_the_clock_goes_on() -> None:
    told: list[Exception] = []
    failures = [ValueError("no")]

    def work() -> None:
        if failures:
            raise failures.pop()

    clock = InstantClock(work, told.append)
    clock.tick()
    assert clock.settle(300)
    clock.tick()
    assert clock.settle(300)
    assert [str(error) for error in told] == ["no"]
    clock.close()


def test_a_label_given_while_the_pool_is_scored_is_in_the_order_that_follows(
    ranked: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anomalymatch_ui.session.work.scoring import PoolScorer

    ranked.label(RINGS[:2], "anomaly")
    ranked.label(DISCS, "nominal")
    score_cycle = PoolScorer._cycle_scores

    def interrupted_by_a_label(self: PoolScorer, *arguments: object) -> np.ndarray:
        scores = score_cycle(self, *arguments)
        ranked.label(RINGS[2:4], "nominal")
        settled(ranked)
        return scores

    monkeypatch.setattr(PoolScorer, "_cycle_scores", interrupted_by_a_label)
    ranked.train(wait=True)
    shown = settled(ranked).ranking()
    monkeypatch.undo()
    ranked.rank(wait=True)
    assert shown.source == "cycle 1 and linear head"
    np.testing.assert_allclose(shown.scores, ranked.ranking().scores, rtol=1e-3)


def test_an_order_by_fewer_labels_never_replaces_one_by_more(
    ranked: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anomalymatch_ui.session.work.combining import PoolScores
    from anomalymatch_ui.session.work.scoring import PoolScorer

    ranked.label(RINGS[:2], "anomaly")
    ranked.label(DISCS, "nominal")
    settled(ranked)
    score = PoolScorer.scores

    def overtaken_by_a_label(self: PoolScorer, *arguments: Any) -> PoolScores:
        scores = score(self, *arguments)
        ranked.label(RINGS[2:3], "anomaly")
        settled(ranked)
        return scores

    monkeypatch.setattr(PoolScorer, "scores", overtaken_by_a_label)
    followed: list[int] = []
    ranked.subscribe(lambda _: followed.append(ranked.ranking().last_seq))
    ranked.rank(wait=True)
    settled(ranked)
    assert followed == sorted(followed)
    assert followed[-1] > followed[0]


def test_an_order_by_an_older_cycle_never_replaces_one_by_a_newer(ranked: Session) -> None:
    ranked.label(RINGS[:2], "anomaly")
    ranked.label(DISCS, "nominal")
    scorer = ranked._rankings.scorer
    settled(ranked)
    late = scorer.instant_scores(ranked.labels())
    ranked.train(wait=True)
    came_back, real = threading.Event(), scorer.instant_scores

    def slow_thread(*_: object) -> object:
        came_back.set()
        return late

    scorer.instant_scores = slow_thread
    ranked._rankings.tick()
    assert came_back.wait(300)
    threading.Event().wait(0.3)  # for what it gave to be taken, if it were
    assert ranked.ranking().source == "cycle 1 and linear head"
    scorer.instant_scores = real
    settled(ranked)


def test_closing_twice_leaves_what_another_has_ranked_since(
    ranked: Session, pool_folder: Path, swift: Config
) -> None:
    ranked.label(RINGS[:1], "anomaly")
    settled(ranked).close()
    with Session.open(ranked.path, pool_folder) as other:
        other.label(DISCS, "nominal")
        other.rank(wait=True)
        theirs = settled(other).ranking()
    ranked.close()
    with Session.open(ranked.path, pool_folder) as again:
        assert again.ranking().version == theirs.version


def test_a_subscriber_that_fails_does_not_stop_the_clock(ranked: Session) -> None:
    failures = [RuntimeError("the page is gone")]

    def fail_once(status: object) -> None:
        if failures and threading.current_thread().name == "instant-clock":
            raise failures.pop()

    ranked.subscribe(fail_once)
    ranked.label(RINGS[:1], "anomaly")
    settled(ranked)
    before = ranked.ranking().version
    ranked.label(DISCS, "nominal")
    assert settled(ranked).ranking().version > before
    assert ranked.status.error is None


def test_of_a_large_pool_the_first_places_are_offered_and_then_the_whole_order(
    ranked: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranked.label(RINGS[:2], "anomaly")
    ranked.label(DISCS, "nominal")
    former = settled(ranked).ranking()
    monkeypatch.setattr(rankings, "LARGE", 0)
    offered = [former]

    def keep(status: Status) -> None:
        if status.ranking_version > offered[-1].version:
            offered.append(ranked.ranking())

    ranked.subscribe(keep)
    ranked.label(RINGS[2:4], "anomaly")
    newest = settled(ranked).ranking()
    _, first, whole = offered
    assert whole is newest
    assert first.last_seq == former.last_seq < whole.last_seq  # a crash between the two loses nothing
    assert first.forecast is former.forecast
    # Here all images are among those that are measured again.
    assert np.corrcoef(first.margins, whole.margins)[0, 1] > 0.999
    monkeypatch.setattr(rankings, "LARGE", 10**9)
    ranked._rankings._follow()
    np.testing.assert_array_equal(ranked.ranking().order, whole.order)
    np.testing.assert_array_equal(ranked.ranking().scores, whole.scores)


def test_the_whole_order_gives_way_to_newer_labels_but_not_for_ever(
    ranked: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranked.label(RINGS[:2], "anomaly")
    ranked.label(DISCS, "nominal")
    settled(ranked)
    monkeypatch.setattr(rankings, "LARGE", 0)
    monkeypatch.setattr(InstantClock, "is_wanted", property(lambda _: True))
    for _ in range(rankings.MOST_PUT_OFF):
        seq = ranked.ranking().last_seq
        ranked.label(RINGS[3:4], "anomaly")
        assert settled(ranked).ranking().last_seq == seq
    ranked.label(RINGS[4:5], "anomaly")
    assert settled(ranked).ranking().last_seq == ranked._journal.last_seq


def test_with_a_network_the_first_places_are_those_of_the_fused_order(
    ranked: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranked.label(RINGS[:2], "anomaly")
    ranked.label(DISCS, "nominal")
    ranked.train(wait=True)
    former = settled(ranked).ranking()
    monkeypatch.setattr(rankings, "LARGE", 0)
    offered = []
    ranked.subscribe(lambda status: offered.append(ranked.ranking()))
    ranked.label(RINGS[2:4], "anomaly")
    whole = settled(ranked).ranking()
    first = next(one for one in offered if one.version > former.version)
    assert first.source == whole.source == "cycle 1 and linear head"
    assert np.corrcoef(first.margins, whole.margins)[0, 1] > 0.999
