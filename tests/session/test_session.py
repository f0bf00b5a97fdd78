from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError, SessionBusyError, StorageError
from anomalymatch_ui.session import Session, Status

ANOMALIES = ["0000.jpg", "0001.jpg", "0002.jpg"]
NOMINALS = [f"{number:04d}.jpg" for number in range(20, 30)]


@pytest.fixture
def session(pool_folder: Path, quick: Config, tmp_path: Path):
    with Session.open(tmp_path / "session", pool_folder, config=quick, annotator="ada") as opened:
        yield opened


def label_both(session: Session) -> None:
    session.label(ANOMALIES, "anomaly")
    session.label(NOMINALS, "nominal")


PATIENCE = 300  # s


def watch(session: Session) -> list[Status]:
    seen: list[Status] = []
    session.subscribe(seen.append)
    return seen


def test_a_label_is_on_disk_when_the_call_returns(session: Session) -> None:
    receipt = session.label(["0003.jpg"], "anomaly")
    reader = (
        "import sqlite3, sys; journal = sqlite3.connect(sys.argv[1]); "
        "print(journal.execute('select image_id, label, annotator, origin from journal').fetchall())"
    )
    rows = subprocess.run(
        [sys.executable, "-c", reader, str(session.path / "journal.sqlite")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert rows.strip() == "[('0003.jpg', 'anomaly', 'ada', 'api')]"
    assert receipt.seq == 1
    assert receipt.labels == {"0003.jpg": "anomaly"}
    assert session.status.counts.anomaly == 1
    assert session.status.counts.unlabelled == 59


def test_undo_and_redo_give_back_what_changed(session: Session) -> None:
    session.label(ANOMALIES, "anomaly")
    session.label(ANOMALIES[:2], "unsure")
    undone = session.undo()
    assert undone is not None
    assert undone.labels == dict.fromkeys(ANOMALIES[:2], "anomaly")
    redone = session.redo()
    assert redone is not None
    assert redone.labels == dict.fromkeys(ANOMALIES[:2], "unsure")
    assert session.redo() is None


def test_an_image_that_is_not_in_the_pool_is_refused_and_nothing_is_written(session: Session) -> None:
    with pytest.raises(InputError, match="no image 'other.jpg'"):
        session.label(["0000.jpg", "other.jpg"], "anomaly")
    assert session.labels() == {}


def test_before_any_label_the_ranking_is_novelty(session: Session) -> None:
    assert session.ranking().version == 0
    session.rank(wait=True)
    ranking = session.ranking()
    assert (ranking.version, ranking.source) == (1, "novelty")
    assert sorted(ranking.order) == list(range(60))


def test_labels_bring_the_other_rings_to_the_top_without_training(session: Session) -> None:
    label_both(session)
    session.rank(wait=True)
    ranking = session.ranking()
    unlabelled = [i for i in ranking.order if session.pool.ids[i] not in session.labels()]
    assert ranking.source == "linear head"
    assert set(unlabelled[:3]) == {3, 4, 5}


def test_a_cycle_trains_scores_and_announces_a_new_ranking(session: Session) -> None:
    label_both(session)
    seen = watch(session)
    session.train(wait=True)
    assert session.ranking().source == "cycle 1"
    assert session.status.cycle == 1
    assert session.status.phase == "idle"
    phases = list(dict.fromkeys(status.phase for status in seen))
    assert phases == ["idle", "preparing", "training", "ranking"]
    steps = [s.progress.done for s in seen if s.phase == "training" and s.progress.loss is not None]
    assert sorted(set(steps)) == [1, 2, 3]
    assert (session.path / "checkpoints" / "cycle-0001.safetensors").exists()
    assert not (session.path / "checkpoints" / "current.safetensors").exists()


def test_after_a_cycle_the_order_still_reacts_to_labels_unless_the_preset_is_the_paper_s(
    pool_folder: Path, quick: Config, tmp_path: Path
) -> None:
    for order, reacts in (("fused", True), ("network", False)):
        with Session.open(tmp_path / order, pool_folder, config=quick.with_values(order=order)) as session:
            label_both(session)
            session.train(wait=True)
            before = session.ranking()
            session.label(["0040.jpg", "0041.jpg"], "anomaly")
            session.rank(wait=True)
            after = session.ranking()
            assert after.version == before.version + 1
            assert (not np.array_equal(before.scores, after.scores)) == reacts
            assert after.source == ("cycle 1 and linear head" if reacts else "cycle 1")


def test_reopening_the_folder_brings_all_of_it_back(session: Session, pool_folder: Path) -> None:
    label_both(session)
    session.train(wait=True)
    session.label(["0040.jpg"], "unsure")
    before, labels = session.ranking(), session.labels()
    session.close()
    with Session.open(session.path) as again:
        assert again.labels() == labels
        assert again.config == session.config
        assert again.status.cycle == 1
        assert again.ranking().version == before.version
        np.testing.assert_array_equal(again.ranking().scores, before.scores)
        np.testing.assert_array_equal(again.ranking().order, before.order)
        again.train(wait=True)
        assert again.ranking().source == "cycle 2"


def test_two_sessions_with_one_seed_end_in_the_same_scores(
    pool_folder: Path, quick: Config, tmp_path: Path
) -> None:
    scores = []
    for name in ("first", "second"):
        with Session.open(tmp_path / name, pool_folder, config=quick) as session:
            label_both(session)
            session.train(wait=True)
            scores.append(session.ranking().scores)
    np.testing.assert_array_equal(*scores)


def test_labelling_goes_on_while_it_trains(session: Session) -> None:
    label_both(session)
    session.train(steps=10_000)
    wait_for(session, lambda status: status.phase == "training" and status.progress.done >= 1)
    session.label(["0050.jpg"], "nominal")
    assert session.status.phase == "training"
    session.stop()
    session.wait()
    assert session.labels()["0050.jpg"] == "nominal"


def test_pause_and_stop_act_within_one_step_and_training_goes_on_where_it_was(session: Session) -> None:
    label_both(session)
    at_step(session, 1, session.pause)
    session.train(steps=40)
    wait_for(session, lambda status: status.state == "paused")
    paused = session.status.progress.done
    assert paused <= 1 + 1
    time.sleep(0.5)
    assert session.status.progress.done == paused
    seen = watch(session)
    at_step(session, paused + 1, session.stop)
    session.resume()
    session.wait()
    asked = next(status.progress.done for status in seen if status.state == "stopping")
    stopped = session.status.interrupted_step
    assert stopped is not None
    assert asked <= stopped <= asked + 1
    assert session.status.cycle == 0
    seen = watch(session)
    session.train(wait=True)
    assert min(s.progress.done for s in seen if s.phase == "training") == stopped
    assert session.status.cycle == 1
    assert session.status.interrupted_step is None


def test_a_paused_job_can_be_stopped(session: Session) -> None:
    label_both(session)
    session.train(steps=40)
    session.pause()
    wait_for(session, lambda status: status.state == "paused")
    session.stop()
    assert session.wait(timeout=PATIENCE).state == "idle"


def test_a_killed_process_loses_no_label_and_goes_on_from_its_last_checkpoint(
    pool_folder: Path, quick: Config, tmp_path: Path
) -> None:
    Session.open(tmp_path / "session", pool_folder, config=quick).close()
    script = textwrap.dedent(
        """
        import sys, time
        from anomalymatch_ui import Session
        session = Session.open(sys.argv[1])
        session.label(["0000.jpg", "0001.jpg"], "anomaly")
        session.label(["0020.jpg", "0021.jpg"], "nominal")
        session.train(steps=500)
        while session.status.phase != "training" or session.status.progress.done < 5:
            time.sleep(0.05)
        print("ready", flush=True)
        time.sleep(600)
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "session")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        with pytest.raises(SessionBusyError, match="open elsewhere"):
            Session.open(tmp_path / "session")
        os.kill(process.pid, signal.SIGKILL)
    with Session.open(tmp_path / "session") as session:
        assert len(session.labels()) == 4
        assert session.status.interrupted_step is not None
        assert session.status.interrupted_step >= 4


def test_taking_over_stops_the_former_holder_s_training_and_both_can_label(session: Session) -> None:
    label_both(session)
    session.train(steps=200)
    wait_for(session, lambda status: status.progress.loss is not None)
    with Session.open(session.path, take_over=True) as other:
        session.label(["0050.jpg"], "anomaly")
        other.label(["0051.jpg"], "anomaly")
        assert session.wait(timeout=PATIENCE).phase == "idle"
        assert session.status.error is None
        assert session.status.message == f"What ran here was taken over by {other.annotator}."
        assert session.labels() == other.labels()
        with pytest.raises(SessionBusyError, match="here you can label"):
            session.train()
    assert session.status.cycle == 0


@pytest.mark.parametrize(("anomalies", "nominals", "missing"), [(0, 3, "anomaly"), (3, 0, "nominal image")])
def test_training_on_one_class_is_refused_with_what_to_do(
    session: Session, anomalies: int, nominals: int, missing: str
) -> None:
    for ids, label in ((ANOMALIES[:anomalies], "anomaly"), (NOMINALS[:nominals], "nominal")):
        if ids:
            session.label(ids, label)
    with pytest.raises(InputError, match=f"no {missing} is labelled yet"):
        session.train(wait=True)
    assert session.status.phase == "idle"


def test_a_second_job_is_refused_while_one_runs(session: Session) -> None:
    label_both(session)
    session.train(steps=50)
    with pytest.raises(InputError, match="stop it first"):
        session.rank()


def test_a_full_disk_is_a_sentence_and_no_label_is_half_written(
    pool_folder: Path, quick: Config, full_disk: Path
) -> None:
    session = Session.open(full_disk / "session", pool_folder, config=quick)
    everything = [f"{number:04d}.jpg" for number in range(60)]

    def fill_the_disk() -> None:
        for number in range(500):
            session.label(everything, "nominal" if number % 2 else "anomaly")

    with pytest.raises(StorageError, match="(?i)space"):
        fill_the_disk()
    assert len(set(session.labels().values())) == 1
    assert len(session.labels()) == 60


def test_an_error_in_the_background_becomes_a_sentence_and_the_session_lives_on(session: Session) -> None:
    label_both(session)
    checkpoints = session.path / "checkpoints"
    checkpoints.write_text("in the way")
    with pytest.raises(StorageError):
        session.train(wait=True)
    assert "checkpoints" in (session.status.error or "")
    checkpoints.unlink()
    session.train(wait=True)
    assert session.status.error is None
    assert session.status.cycle == 1


def at_step(session: Session, step: int, ask: Callable[[], None]) -> None:
    """Ask for something as soon as training has done a step, however little time this thread is given."""
    asked: list[int] = []

    def see(status: Status) -> None:
        if status.phase == "training" and status.progress.done >= step and not asked:
            asked.append(status.progress.done)
            ask()

    session.subscribe(see)


def wait_for(session: Session, condition, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition(session.status):
        assert time.monotonic() < deadline, session.status
        time.sleep(0.01)
