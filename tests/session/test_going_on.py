"""What ran when a session was left goes on when its page is opened again, unless somebody stopped it."""

from __future__ import annotations

import json
import os
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.session import Session, Status
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.jobs import Reporter
from anomalymatch_ui.session.work.underway import UnderWay

PATIENCE = 300
RINGS = [f"{number:04d}.jpg" for number in range(3)]
DISCS = [f"{number:04d}.jpg" for number in range(20, 24)]


@pytest.fixture
def session(pool_folder: Path, quick: Config, tmp_path: Path) -> Iterator[Session]:
    with Session.open(tmp_path / "session", pool_folder, config=quick, annotator="ada") as opened:
        opened.label(RINGS, "anomaly")
        opened.label(DISCS, "nominal")
        yield opened


def wait_for(session: Session, reached: Callable[[Status], bool]) -> Status:
    """Return the first status that has reached something."""
    there: queue.SimpleQueue[Status] = queue.SimpleQueue()
    unsubscribe = session.subscribe(lambda status: there.put(status) if reached(status) else None)
    try:
        now = session.status
        return now if reached(now) else there.get(timeout=PATIENCE)
    finally:
        unsubscribe()


def train_a_step(session: Session, steps: int = 500) -> None:
    session.train(steps=steps)
    wait_for(session, lambda status: status.phase == "training" and status.progress.done > 0)


def test_training_goes_on_from_where_its_page_was_left(session: Session) -> None:
    train_a_step(session)
    session.close()
    with Session.open(session.path, annotator="ada") as again:
        step = again.status.interrupted_step
        assert step
        assert again.status.message == (
            f"Cycle 1 was interrupted at step {step}. Training goes on from there with the current labels."
        )
        again.resume()
        assert again.status.state == "running"
        going = wait_for(again, lambda status: status.phase == "training" and status.progress.done > step)
        assert going.progress.total == 500
        again.stop()
        assert again.wait(PATIENCE).interrupted_step is not None


@pytest.mark.parametrize("waits", [Session.stop, Session.pause])
def test_what_a_person_stopped_or_paused_waits_for_a_person(
    session: Session, waits: Callable[[Session], None]
) -> None:
    train_a_step(session)
    waits(session)
    session.close()
    with Session.open(session.path, annotator="ada") as again:
        assert again.status.interrupted_step is not None
        again.resume()
        assert again.status.state == "idle"


def test_what_was_stopped_in_the_middle_of_a_long_step_does_not_go_on_in_the_next_process(
    session: Session,
) -> None:
    begun, step_ended = threading.Event(), threading.Event()

    def step(reporter: Reporter) -> None:
        begun.set()
        step_ended.wait(PATIENCE)
        reporter.begin("training", 1)

    session._steering.start("train", step, wait=False)
    try:
        assert begun.wait(PATIENCE)
        assert (session.path / "under-way.json").exists()
        session.stop()
        assert not (session.path / "under-way.json").exists()
    finally:
        step_ended.set()


def test_a_pause_that_is_over_holds_nothing_back(session: Session) -> None:
    train_a_step(session)
    session.pause()
    wait_for(session, lambda status: status.state == "paused")
    session.resume()
    session.close()
    assert json.loads((session.path / "under-way.json").read_text())["job"] == "train"


def test_a_page_opened_a_second_time_goes_on_and_the_first_is_told_in_words(session: Session) -> None:
    train_a_step(session)
    with Session.open(session.path, annotator="ada", take_over=True, share=True) as other:
        other.resume()
        assert other.status.state == "running"
        former = wait_for(
            session, lambda status: status.state == "idle" and status.written_elsewhere is not None
        )
        assert former.error is None
        assert former.written_elsewhere == "another page of yours"
        assert former.interrupted_step is None
        assert former.message == "What ran here was taken over by another page of yours."
        wait_for(other, lambda status: status.phase == "training" and status.progress.done > 0)
        session.close()  # which does not take from the other what it is at
        assert other.status.state == "running"
        assert (session.path / "under-way.json").exists()


def test_a_cycle_that_ended_as_its_page_was_left_lacks_the_order_alone(session: Session) -> None:
    session.train(steps=2, wait=True, rank=False)
    (session.path / "under-way.json").write_text(
        json.dumps({"job": "train", "steps": 2, "cycle": 0, "step": 0, "tries": 0})
    )
    session.resume()
    done = session.wait(PATIENCE)
    assert (done.cycle, done.ranking_version) == (1, 1)
    assert not (session.path / "under-way.json").exists()


def test_what_ends_its_process_each_time_does_not_go_on_for_ever(session: Session) -> None:
    path = session.path / "under-way.json"
    for tries, state in ((2, "running"), (3, "idle")):
        path.write_text(json.dumps({"job": "train", "steps": 500, "cycle": 0, "step": 0, "tries": tries}))
        session.resume()
        assert session.status.state == state
        session.stop()
        session.wait(PATIENCE)


@pytest.mark.parametrize(("gets_on", "times"), [(True, 6), (False, 3)])
def test_an_adaptation_goes_on_as_often_as_its_page_is_reloaded_as_long_as_it_gets_on(
    gets_on: bool, times: int, tmp_path: Path
) -> None:
    folder = SessionFolder(tmp_path)
    state = folder.adapting("recipe")
    state.parent.mkdir()
    state.touch()
    begun: list[int] = []

    def adapt() -> None:
        under_way.noted("adapt", None, lambda reporter: begun.append(number))(Mock())

    def other(*given: object) -> None:
        raise AssertionError

    number = 0
    under_way = UnderWay(folder)
    adapt()
    for number in range(1, 7):
        os.utime(state, ns=(number if gets_on else 1,) * 2)
        under_way = UnderWay(folder)  # as of the next process
        under_way.go_on(0, other, adapt, other)
    assert len(begun) - 1 == times


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "[]",
        '{"job": "train"}',
        '{"job": "train", "steps": "x", "cycle": 0}',
        '{"job": "train", "steps": 1e999, "cycle": 0, "step": 0, "tries": 0}',
    ],
)
def test_a_damaged_note_is_none(session: Session, damaged: str) -> None:
    (session.path / "under-way.json").write_text(damaged)
    session.resume()
    assert session.status.state == "idle"
