from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from images import make_pool

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.session import Session, Status

ANOMALIES = ["0000.jpg", "0001.jpg", "0002.jpg"]
NOMINALS = [f"{number:04d}.jpg" for number in range(20, 30)]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pool and a session of 13 labels, ranked once and never trained; cycles take two steps."""
    folder = tmp_path_factory.mktemp("labelled")
    make_pool(folder / "images")
    config = Config.preset("paper").with_values(
        network={"image_size": 32}, train={"steps": 2, "labelled_batch": 2, "unlabelled_batch": 2}
    )
    with Session.open(folder / "session", folder / "images", config=config, annotator="ada") as session:
        session.label(ANOMALIES, "anomaly")
        session.label(NOMINALS, "nominal")
        session.rank(wait=True)
    return folder


@pytest.fixture
def session(labelled: Path, tmp_path: Path) -> Iterator[Session]:
    shutil.copytree(labelled, tmp_path / "copy")
    with Session.open(tmp_path / "copy" / "session", tmp_path / "copy" / "images", annotator="ada") as opened:
        yield opened


def test_after_every_so_many_labels_a_cycle_starts_by_itself(session: Session) -> None:
    session.train_every = 16
    session.label(["0030.jpg", "0031.jpg"], "nominal")
    assert session.status.state == "idle"
    session.label(["0032.jpg"], "nominal")
    assert session.status.state == "running"
    assert session.wait(120).cycle == 1
    session.label(["0033.jpg"], "nominal")
    assert session.status.state == "idle"
    assert session.cycles.all()[0].labels == 16


def test_a_label_that_was_undone_does_not_count_and_given_again_counts_once(session: Session) -> None:
    session.train_every = 15
    session.label(["0030.jpg"], "nominal")
    session.undo()
    session.label(["0030.jpg"], "nominal")
    session.undo()
    session.redo()
    assert session.status.state == "idle"
    session.label(["0031.jpg"], "nominal")
    assert session.wait(120).cycle == 1


def test_what_becomes_due_while_a_job_runs_starts_when_it_has_ended(session: Session) -> None:
    session.train_every = 14
    phases: list[tuple[str, int]] = []

    def label_while_it_ranks(status: Status) -> None:
        if not phases and status.phase == "ranking" and status.state == "running":
            phases.append((status.phase, status.cycle))
            session.label([f"{number:04d}.jpg" for number in range(30, 50)], "nominal")

    session.subscribe(label_while_it_ranks)
    session.train(wait=True)
    assert phases == [("ranking", 1)]
    assert session.wait(120).cycle == 2


def test_off_one_class_or_a_lock_that_somebody_else_holds_start_nothing(session: Session) -> None:
    assert session.train_every == 0
    session.label(["0030.jpg"], "nominal")
    assert session.status.state == "idle"
    session.train_every = 1
    session.label(ANOMALIES, "unsure")
    assert session.status.state == "idle"
    with Session.open(session.path, session.pool.path, annotator="bob", take_over=True):
        session._steering.automatic.label_came()
        assert session.status.state == "idle"


def test_a_cycle_that_was_stopped_stays_stopped_until_enough_labels_have_come(session: Session) -> None:
    session.configure({"train.every": 2, "train.steps": 500})
    session.label(["0030.jpg"], "nominal")

    def stop_at_the_first_step(status: Status) -> None:
        if status.phase == "training" and status.progress.done == 1 and status.state == "running":
            session.stop()

    unsubscribe = session.subscribe(stop_at_the_first_step)
    status = session.wait(120)
    unsubscribe()
    assert (status.cycle, status.state) == (0, "idle")
    assert status.interrupted_step is not None
    session.label(["0031.jpg"], "nominal")
    assert session.status.state == "idle"


def test_stop_does_not_start_what_became_due_while_the_cycle_ran(session: Session) -> None:
    session.configure({"train.every": 14, "train.steps": 500})
    runs: list[str] = []

    def label_and_stop(status: Status) -> None:
        if status.phase == "training" and status.progress.done == 1 and not runs:
            runs.append("cycle")
            session.label([f"{number:04d}.jpg" for number in range(31, 50)], "nominal")
            session.stop()

    unsubscribe = session.subscribe(label_and_stop)
    session.label(["0030.jpg"], "nominal")
    status = session.wait(120)
    unsubscribe()
    assert runs == ["cycle"]
    assert (status.cycle, status.state, session.status.state) == (0, "idle", "idle")
    session.label(["0050.jpg"], "nominal")
    assert session.status.state == "running"
    session.stop()
    session.wait(120)


def test_a_lock_that_was_taken_and_given_back_keeps_nobody_from_training(session: Session) -> None:
    session.train_every = 14
    with Session.open(session.path, session.pool.path, annotator="ada", take_over=True):
        pass
    session.label(["0030.jpg"], "nominal")
    assert session.wait(120).cycle == 1


def test_how_often_is_kept_and_what_the_last_cycle_had_is_known_again(session: Session) -> None:
    session.train(wait=True)
    session.train_every = 2
    session.close()
    with Session.open(session.path, session.pool.path, annotator="ada") as again:
        assert again.train_every == 2
        again.label(["0030.jpg"], "nominal")
        assert again.status.state == "idle"
        again.label(["0031.jpg"], "nominal")
        assert again.wait(120).cycle == 2


@pytest.mark.parametrize("labels", [-1, "often", 2.5, None])
def test_no_number_of_labels_is_a_sentence(session: Session, labels: object) -> None:
    with pytest.raises(InputError, match="Train automatically must be a whole number of at least 0"):
        session.train_every = labels  # type: ignore[assignment]
    assert session.train_every == 0
