"""Two people on one session folder, each with a process of their own."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import SessionBusyError, StorageError
from anomalymatch_ui.rank import draw_order
from anomalymatch_ui.session import Session
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.work.watcher import INTERVAL

RINGS = [f"{number:04d}.jpg" for number in range(6)]
DISCS = [f"{number:04d}.jpg" for number in range(20, 30)]


@pytest.fixture
def session(pool_folder: Path, swift: Config, tmp_path: Path) -> Iterator[Session]:
    with Session.open(tmp_path / "session", pool_folder, config=swift, annotator="ada") as opened:
        yield opened


PATIENCE = 300  # s; the watch looks twice a second, but a busy machine may let it wait


COLLEAGUE = """
import json, sys
from anomalymatch_ui.session import Session

with Session.open(sys.argv[1], annotator="bob", share=True) as session:
    seen = {"counts": (0, 0, 0)}
    def tell(status):
        counts = (status.counts.anomaly, status.counts.nominal, status.counts.unsure)
        if counts != seen["counts"]:
            seen["counts"] = counts
            print(json.dumps({"counts": counts}), flush=True)
    session.subscribe(tell)
    print(json.dumps({"writer": session.status.written_elsewhere}), flush=True)
    for line in sys.stdin:
        name, arguments = json.loads(line)
        result = getattr(session, name)(*arguments)
        print(json.dumps({"done": name}), flush=True)
"""


class Colleague:
    """Bob, who has the session open in another process."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", COLLEAGUE, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.writer = self.hear("writer")

    def do(self, name: str, *arguments: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([name, arguments]) + "\n")
        self.process.stdin.flush()

    def hear(self, key: str) -> Any:
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            told = json.loads(line)
            if key in told:
                return told[key]
        raise AssertionError(f"Bob's process ended with {self.process.wait(PATIENCE)}")

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


@pytest.fixture
def colleague(session: Session) -> Iterator[Colleague]:
    colleague = Colleague(session.path)
    yield colleague
    colleague.close()


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def test_two_processes_label_one_session_and_each_notices_the_other_by_itself(
    session: Session, colleague: Colleague
) -> None:
    assert colleague.writer.startswith("ada")
    told = threading.Event()
    session.subscribe(lambda status: told.set() if status.counts.nominal == 2 else None)
    colleague.do("label", DISCS[:2], "nominal")
    colleague.hear("done")
    assert told.wait(PATIENCE)
    assert session.labels() == dict.fromkeys(DISCS[:2], "nominal")

    session.label(RINGS[:3], "anomaly")
    assert colleague.hear("counts") in ([0, 2, 0], [3, 2, 0])
    wait_until(lambda: session.status.counts.anomaly == 3)
    colleague.do("label", RINGS[:1], "unsure")
    wait_until(lambda: session.status.counts.unsure == 1)
    assert session.people.disagreements() == (RINGS[0],)
    colleague.do("undo")
    wait_until(lambda: session.status.counts.unsure == 0)
    assert session.labels()[RINGS[0]] == "anomaly"
    assert session.people.disagreements() == ()
    colleague.do("redo")
    wait_until(lambda: session.status.counts.unsure == 1)


def test_a_cycle_that_another_process_finishes_pins_or_drops_is_noticed(session: Session) -> None:
    folder = SessionFolder(session.path)
    folder.checkpoint(1).parent.mkdir(exist_ok=True)
    folder.checkpoint(1).write_bytes(b"network")
    folder.pin(1).touch()
    wait_until(lambda: (session.status.kept_cycles, session.status.pinned_cycles) == ((1,), (1,)))
    folder.pin(1).unlink()
    folder.checkpoint(1).unlink()
    wait_until(lambda: (session.status.kept_cycles, session.status.pinned_cycles) == ((), ()))


def test_the_order_follows_the_labels_of_another(session: Session, colleague: Colleague) -> None:
    session.rank(wait=True)
    assert session.ranking().source == "novelty"
    colleague.do("label", RINGS[:3], "anomaly")
    colleague.do("label", DISCS, "nominal")
    wait_until(lambda: session.ranking().source == "linear head")


def test_who_does_not_train_takes_over_the_order_that_the_other_has_made(
    session: Session, swift: Config
) -> None:
    with Session.open(session.path, annotator="bob", share=True) as bob:
        assert bob.ranking().version == 0
        session.label(RINGS[:3], "anomaly")
        session.label(DISCS, "nominal")
        session.train(wait=True)
        wait_until(lambda: bob.status.cycle == 1 and "cycle 1" in bob.ranking().source)
        kept = (session.path / "ranking.npz").read_bytes()
        version = bob.ranking().version
        bob.label(["0040.jpg"], "nominal")
        wait_until(lambda: bob.ranking().version > version)
        assert bob._rankings.settle(PATIENCE)
        assert "cycle 1" in bob.ranking().source
    assert (session.path / "ranking.npz").read_bytes() == kept


def test_who_shares_trains_and_keeps_nothing_and_may_once_the_lock_is_free(session: Session) -> None:
    other_settings = session.config.with_values(seed=7)
    session.label(RINGS[:3], "anomaly")
    session.label(DISCS, "nominal")
    with Session.open(session.path, annotator="bob", share=True, config=other_settings) as bob:
        assert Config.load(session.path / "config.toml") == session.config
        for work in (bob.train, bob.rank):
            with pytest.raises(SessionBusyError, match="here you can label"):
                work()
        session.close()
        wait_until(lambda: bob.status.written_elsewhere is None)
        bob.rank(wait=True)
        assert bob.ranking().version > 0
        with pytest.raises(SessionBusyError, match="bob"):
            Session.open(session.path, annotator="ada")


def test_settings_of_who_trains_are_followed_and_kept_by_who_trains_next(session: Session) -> None:
    with Session.open(session.path, session.pool.path, annotator="bob", share=True) as bobs:
        session.configure({"prevalence": 0.2, "train.every": 7})
        wait_until(lambda: bobs.config == session.config)
        session.close()
        bobs.configure({"train.steps": 5})
        kept = Config.load(bobs.path / "config.toml")
        assert (kept.prevalence, kept.train.every, kept.train.steps) == (0.2, 7, 5)


def test_an_undo_that_goes_past_what_another_relabelled_says_so(session: Session) -> None:
    session.label(DISCS, "nominal")
    session.label(RINGS[:1], "anomaly")
    with Session.open(session.path, session.pool.path, annotator="bob", share=True) as bobs:
        bobs.label(RINGS[:1], "unsure")
    receipt = session.undo()
    assert receipt is not None
    assert receipt.passed_over
    assert set(receipt.ids) == set(DISCS)
    again = session.redo()
    assert again is not None
    assert not again.passed_over


def test_what_is_sought_is_seen_by_who_else_has_the_session_open_and_stands_in_exports_and_reports(
    session: Session, tmp_path: Path
) -> None:
    with Session.open(session.path, session.pool.path, annotator="bob", share=True) as bob:
        assert "looking_for" not in session.results.table("ranking").provenance
        session.marking.write_aim("edge-on discs")
        assert session.status.aim == "edge-on discs"
        wait_until(lambda: bob.status.aim == "edge-on discs")
        bob.marking.write_aim("<b>warped</b> discs")
        wait_until(lambda: session.status.aim == "<b>warped</b> discs")
    assert session.results.table("ranking").provenance["looking_for"] == "<b>warped</b> discs"
    assert session.report().as_dict()["looking_for"] == "<b>warped</b> discs"
    session.write_report(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "<li>Looking for: &lt;b&gt;warped&lt;/b&gt; discs</li>" in page


def test_the_lock_is_taken_over_from_the_same_annotator_only_when_it_is_shared(session: Session) -> None:
    with Session.open(session.path, annotator="bob", take_over=True, share=True) as bob:
        assert (bob.status.written_elsewhere or "").startswith("ada")
        assert session.status.written_elsewhere is None
    with Session.open(session.path, annotator="ada", take_over=True, share=True) as reloaded:
        assert reloaded.status.written_elsewhere is None
        wait_until(lambda: session.status.written_elsewhere == "another page of yours")
    wait_until(lambda: session.status.written_elsewhere is None)


def test_closing_ends_the_watcher(session: Session) -> None:
    def watches() -> int:  # those of sessions that other tests share among them
        return sum(thread.name == "watcher" for thread in threading.enumerate())

    before = watches()
    session.close()
    assert watches() == before - 1


def test_a_journal_held_by_another_program_is_a_sentence_and_nothing_is_lost(session: Session) -> None:
    session.label(RINGS[:1], "anomaly")
    connection = session._journal._file.connection
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 50")
    holder = sqlite3.connect(session.path / "journal.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="Close the other program"):
        session.label(RINGS[1:2], "anomaly")
    threading.Event().wait(3 * INTERVAL)
    assert session.status.error is None
    holder.execute("ROLLBACK")
    holder.close()
    connection.execute(f"PRAGMA busy_timeout = {patience}")
    session.label(RINGS[1:2], "anomaly")
    assert session.labels() == dict.fromkeys(RINGS[:2], "anomaly")


def test_a_journal_that_cannot_be_read_is_said_until_it_can_again(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: object) -> int:
        raise StorageError("Cannot read the journal.")

    with monkeypatch.context() as patch:
        patch.setattr(type(session._journal), "last_foreign_seq", property(fails))
        wait_until(lambda: "What others do cannot be followed" in (session.status.error or ""))
    wait_until(lambda: session.status.error is None)


def test_labels_given_while_the_clock_goes_back_count_in_the_order_they_were_given(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.label(RINGS[:1], "anomaly")

    class Yesterday(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2020, 1, 1, tzinfo=UTC)

    monkeypatch.setattr("anomalymatch_ui.labels.state.datetime", Yesterday)
    receipt = session.label(RINGS[:1], "nominal")
    assert receipt.time.year == 2020
    assert session.labels() == {RINGS[0]: "nominal"}
    assert session.people.words() == {"ada": {RINGS[0]: "nominal"}}
    undone = session.undo()
    assert undone is not None
    assert undone.labels == {RINGS[0]: "anomaly"}


def test_images_drawn_at_random_count_though_two_label_them_at_the_same_time(session: Session) -> None:
    session.configure({"acquisition.random_every": 2})
    with Session.open(session.path, annotator="bob", share=True) as bob:
        first = [session.pool.ids[row] for row in draw_order(session.pool.ids, session.config.seed)[:8]]
        session.label(first[:3], "nominal")
        bob.label(first[1:6], "nominal")  # two of them again: an image is one look
        session.label(first[6:], "anomaly")
        for one in (session, bob):
            assert (one.insight.looks_taken(), one.insight.outlook().drawn) == (8, 4)
        bob.undo()
        assert session.insight.looks_taken() == bob.insight.looks_taken() == 5


def test_words_on_images_that_are_gone_are_left_out(session: Session, pool_folder: Path) -> None:
    session.label([RINGS[0], RINGS[1]], "anomaly")
    with Session.open(session.path, annotator="bob", share=True) as bob:
        bob.label([RINGS[0]], "nominal")
    session.close()
    (pool_folder / RINGS[0]).unlink()
    with Session.open(session.path) as again:
        assert again.people.annotators() == ("ada",)
        assert again.people.disagreements() == ()
        assert again.report().looked_at == 1


def test_a_ranking_is_taken_from_a_process_that_closes_as_soon_as_it_has_it(session: Session) -> None:
    session.label(RINGS[:2], "anomaly")
    session.label(DISCS[:2], "nominal")
    session.rank(wait=True)
    with Session.open(session.path, annotator="bob", share=True) as bob:
        bob.label(RINGS[2:3], "anomaly")
        session.train(wait=True, rank=False)
        session.rank(wait=True)
        session.close()
        wait_until(lambda: "cycle 1" in bob.ranking().source)
        bob.label(DISCS[2:3], "nominal")
        assert bob._rankings.settle(PATIENCE)
        assert bob.ranking().source == "cycle 1 and linear head"
