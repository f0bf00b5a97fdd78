from __future__ import annotations

import json
import logging
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import make_pool

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn import peek_checkpoint
from anomalymatch_ui.learn.checkpoint import Interruption
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.session import Cycle, Session, Status
from anomalymatch_ui.session.work.curves import CurveRecorder, downsample
from anomalymatch_ui.session.work.cycles import load_cycle, save_cycle

ANOMALIES = ["0000.jpg", "0001.jpg", "0002.jpg"]
NOMINALS = [f"{number:04d}.jpg" for number in range(20, 30)]


@pytest.fixture
def session(pool_folder: Path, quick: Config, tmp_path: Path):
    with Session.open(tmp_path / "session", pool_folder, config=quick, annotator="ada") as opened:
        opened.label(ANOMALIES, "anomaly")
        opened.label(NOMINALS, "nominal")
        yield opened


def watch(session: Session) -> list[Status]:
    seen: list[Status] = []
    session.subscribe(seen.append)
    return seen


def record(session: Session, cycle: int) -> Path:
    return session.path / "checkpoints" / f"cycle-{cycle:04d}.json"


def test_a_finished_cycle_is_remembered_with_its_labels_its_time_and_its_curves(session: Session) -> None:
    session.train(wait=True)
    (cycle,) = session.cycles.all()
    assert (cycle.number, cycle.anomalies, cycle.nominals, cycle.labels) == (1, 3, 10, 13)
    assert (cycle.last_seq, cycle.steps, cycle.device) == (13, 3, "cpu")
    assert cycle.finished is not None
    assert timedelta(0) <= datetime.now(UTC) - cycle.finished < timedelta(minutes=5)
    assert cycle.seconds is not None
    assert cycle.seconds > 0
    assert len(cycle.loss) == len(cycle.pseudo_label_share) == 3
    assert all(0 <= share <= 1 for share in cycle.pseudo_label_share)
    assert session.cycles.in_use == session.status.cycle_in_use == 1


def test_the_curves_grow_with_each_step_and_memory_is_told(session: Session) -> None:
    seen = watch(session)
    session.train(wait=True)
    training = [status.progress for status in seen if status.phase == "training"]
    lengths = {progress.done: len(progress.loss_curve) for progress in training}
    assert lengths == {0: 0, 1: 1, 2: 2, 3: 3}
    assert training[-1].loss == training[-1].loss_curve[-1]
    assert training[-1].pseudo_label_share == training[-1].pseudo_label_curve[-1]
    assert all(progress.memory is not None and progress.memory > 1e7 for progress in training)
    assert training[-1].device_memory is None
    assert session.status.progress.loss_curve == ()


def test_the_curves_of_a_cycle_that_was_stopped_go_on_where_they_were(session: Session) -> None:
    def stop_after_the_second(status: Status) -> None:
        if status.phase == "training" and status.progress.done == 2 and status.state == "running":
            session.stop()

    unsubscribe = session.subscribe(stop_after_the_second)
    session.train(wait=True)
    unsubscribe()
    assert session.cycles.all() == ()
    seen = watch(session)
    session.train(wait=True)
    assert max(len(status.progress.loss_curve) for status in seen) == 3
    (cycle,) = session.cycles.all()
    assert len(cycle.loss) == 3
    assert list((session.path / "checkpoints").glob("current*")) == []


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"number": "one"}', b'{"number": 1, "digest": "../../etc"}', b"\xff\xfe"]
)
def test_a_cycle_whose_record_is_damaged_is_shown_without_figures(
    session: Session, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    session.train(wait=True)
    record(session, 1).write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert session.cycles.all() == (Cycle(1),)
    assert "no figures" in caplog.text
    assert session.cycles.score_history("0000.jpg") == ()


def test_a_cycle_whose_record_is_gone_is_shown_without_figures(session: Session) -> None:
    session.train(wait=True)
    record(session, 1).unlink()
    assert session.cycles.all() == (Cycle(1),)
    assert Cycle(1).labels is None


def test_the_history_of_an_image_is_what_each_network_said_of_it(session: Session) -> None:
    assert session.cycles.score_history("0003.jpg") == ()
    session.train(wait=True)
    first = session.ranking().scores
    session.train(wait=True)
    second = session.ranking().scores
    index = session.pool.index("0003.jpg")
    history = session.cycles.score_history("0003.jpg")
    assert history == ((1, pytest.approx(first[index])), (2, pytest.approx(second[index])))
    np.testing.assert_allclose(session.cycles.change(), second - first, rtol=0, atol=1e-7)


def test_before_two_cycles_have_ranked_the_pool_no_change_is_known(session: Session) -> None:
    assert np.isnan(session.cycles.change()).all()
    session.train(wait=True)
    session.train(wait=True, rank=False)
    change = session.cycles.change()
    assert change.dtype == np.float32
    assert change.shape == (60,)
    assert np.isnan(change).all()


def test_a_cycle_whose_scores_are_gone_or_damaged_is_left_out_of_the_history(session: Session) -> None:
    for _ in range(3):
        session.train(wait=True)
    digests = [cycle.digest for cycle in session.cycles.all()]
    first, second = (next((session.path / "scores").glob(f"{digest}-*")) for digest in digests[:2])
    for file in first.iterdir():
        file.unlink()
    (second / "shard-0000000.parquet").write_bytes(b"PAR1 no more")
    assert [cycle for cycle, _ in session.cycles.score_history("0000.jpg")] == [3]
    assert [cycle for cycle, _ in session.cycles.score_history("0059.jpg")] == [2, 3]
    assert np.isnan(session.cycles.change()).all()
    (second / "manifest.json").write_text('{"model": 1}')
    assert [cycle for cycle, _ in session.cycles.score_history("0059.jpg")] == [3]


def test_an_image_that_is_not_in_the_pool_has_no_history(session: Session) -> None:
    with pytest.raises(InputError, match="no image 'other.jpg'"):
        session.cycles.score_history("other.jpg")


@pytest.fixture(scope="module")
def two_cycles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pool and a session with two cycles, both ranked."""
    folder = tmp_path_factory.mktemp("two")
    make_pool(folder / "images")
    config = Config.preset("paper").with_values(
        network={"image_size": 32}, train={"steps": 2, "labelled_batch": 4, "unlabelled_batch": 4}
    )
    with Session.open(folder / "session", folder / "images", config=config, annotator="ada") as session:
        session.label(ANOMALIES, "anomaly")
        session.label(NOMINALS, "nominal")
        session.train(wait=True)
        session.train(wait=True)
    return folder


@pytest.fixture
def trained(two_cycles: Path, tmp_path: Path) -> Path:
    shutil.copytree(two_cycles, tmp_path / "copy")
    return tmp_path / "copy"


def test_going_back_orders_by_the_earlier_network_and_keeps_the_later_one(trained: Path) -> None:
    with Session.open(trained / "session", trained / "images") as session:
        newest = session.ranking()
        session.go_back(1, wait=True)
        assert session.ranking().source == "cycle 1"
        assert session.ranking().version == newest.version + 1
        assert not np.array_equal(session.ranking().scores, newest.scores)
        assert (session.status.cycle, session.status.cycle_in_use, session.cycles.in_use) == (2, 1, 1)
        assert [cycle.number for cycle in session.cycles.all()] == [1, 2]
    with Session.open(trained / "session", trained / "images") as session:
        assert (session.status.cycle, session.status.cycle_in_use) == (2, 1)
        session.rank(wait=True)
        assert session.ranking().source == "cycle 1"
        session.go_back(2, wait=True)
        np.testing.assert_array_equal(session.ranking().scores, newest.scores)


def test_training_after_going_back_makes_the_next_cycle_and_uses_it(trained: Path) -> None:
    with Session.open(trained / "session", trained / "images") as session:
        session.go_back(1, wait=True)
        session.train(wait=True)
        assert (session.status.cycle, session.status.cycle_in_use) == (3, 3)
        assert session.ranking().source == "cycle 3"
        assert [cycle.number for cycle in session.cycles.all()] == [1, 2, 3]


def test_going_back_to_no_cycle_orders_by_the_labels_alone(trained: Path) -> None:
    with Session.open(trained / "session", trained / "images") as session:
        session.go_back(0, wait=True)
        assert session.ranking().source == "linear head"
        assert (session.status.cycle, session.status.cycle_in_use) == (2, 0)


def test_the_order_that_follows_a_label_is_that_of_the_cycle_in_use(trained: Path) -> None:
    with Session.open(trained / "session", trained / "images") as session:
        session.configure({"order": "fused", "instant": True})
        session.rank(wait=True)
        session.go_back(1, wait=True)
        session.label(["0003.jpg"], "anomaly")
        assert session._rankings.settle(60)
        assert session.ranking().source == "cycle 1 and linear head"


@pytest.mark.parametrize("cycle", [3, -1, 99])
def test_a_cycle_that_there_is_not_is_refused(trained: Path, cycle: int) -> None:
    with Session.open(trained / "session", trained / "images") as session:
        with pytest.raises(InputError, match=rf"There is no cycle {cycle}. Choose a finished one \(1, 2\)"):
            session.go_back(cycle)
        assert session.status.cycle_in_use == 2


def test_a_damaged_checkpoint_is_a_sentence_and_the_cycle_in_use_stays(trained: Path) -> None:
    (trained / "session" / "checkpoints" / "cycle-0001.safetensors").write_bytes(b"no tensors")
    with Session.open(trained / "session", trained / "images") as session:
        session.go_back(1)
        status = session.wait(300)
        assert status.error is not None
        assert "cycle-0001.safetensors cannot be read" in status.error
        assert "can be trained again" in status.error
        assert (status.cycle_in_use, status.state) == (2, "idle")
        session.rank(wait=True)
        assert session.status.error is None
        assert session.ranking().source == "cycle 2"


def test_a_damaged_newest_cycle_can_be_gone_back_from(trained: Path) -> None:
    (trained / "session" / "checkpoints" / "cycle-0002.safetensors").write_bytes(b"")
    with Session.open(trained / "session", trained / "images") as session:
        session.rank(wait=True)  # by what is left of it, and it says so: see test_damaged_files.py
        session.go_back(1, wait=True)
        assert session.ranking().source == "cycle 1"


@pytest.mark.parametrize("content", ["", "[]", '{"cycle": 7, "newest": 2}', '{"cycle": null, "newest": 2}'])
def test_a_damaged_choice_of_cycle_means_the_newest(trained: Path, content: str) -> None:
    (trained / "session" / "checkpoints" / "in-use.json").write_text(content)
    with Session.open(trained / "session", trained / "images") as session:
        assert session.cycles.in_use == 2


finite = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(
    cycle=st.builds(
        Cycle,
        number=st.integers(1, 9999),
        finished=st.none() | st.datetimes(timezones=st.just(UTC)),
        anomalies=st.none() | st.integers(0, 10**9),
        seconds=st.none() | finite,
        device=st.none() | st.text(max_size=20),
        digest=st.none() | st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
        loss=st.lists(finite, max_size=200).map(tuple),
    )
)
def test_what_is_kept_of_a_cycle_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, cycle: Cycle
) -> None:
    path = tmp_path_factory.mktemp("record") / "cycle.json"
    save_cycle(path, cycle)
    assert load_cycle(path, cycle.number) == cycle
    assert load_cycle(path, 7) == replace(cycle, number=7)


@given(content=st.binary(max_size=200))
def test_no_content_of_a_record_does_harm(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("record") / "cycle.json"
    path.write_bytes(content)
    assert load_cycle(path, 3).number == 3
    recorder = CurveRecorder.resumed(path, cycle=1, step=2)
    assert recorder.loss == ()


@given(values=st.lists(st.floats(-1e6, 1e6), max_size=1000), points=st.integers(1, 50))
def test_a_curve_is_at_most_so_long_and_keeps_its_range(values: list[float], points: int) -> None:
    curve = downsample(values, points)
    assert len(curve) == min(points, len(values))
    if values:
        assert min(values) - 1e-6 <= min(curve)
        assert max(curve) <= max(values) + 1e-6


@pytest.mark.parametrize("damage", [{"cycle": 2}, {"seconds": None}, {"loss": [1.0]}, {"loss": ["x", 1, 2]}])
def test_curves_of_another_cycle_or_damaged_ones_are_not_gone_on_with(
    tmp_path: Path, damage: dict[str, object]
) -> None:
    recorder = CurveRecorder()
    for loss in (3.0, 2.0, 1.0):
        recorder.add(loss, 0.5, 1.0)
    path = tmp_path / "current.json"
    recorder.save(path, cycle=1)
    assert CurveRecorder.resumed(path, 1, 2).loss == (3.0, 2.0)
    path.write_text(json.dumps({**json.loads(path.read_text()), **damage}))
    assert CurveRecorder.resumed(path, 1, 2).loss == ()


def test_going_back_gives_up_a_stopped_cycle_that_began_with_the_rejected_weights(trained: Path) -> None:
    with Session.open(trained / "session", trained / "images") as session:
        assert session.config.train.carry_over

        def stop_at_work(status: Status) -> None:
            if (status.state, status.phase) == ("running", "training") and status.progress.done > 0:
                session.stop()

        session.subscribe(stop_at_work)
        session.train(steps=50, wait=True)
        assert session.status.interrupted_step is not None
        assert last_checkpoint(session).begun_with == 2
        session.go_back(1, wait=True)
        assert session.status.interrupted_step is None
        assert session.status.message.startswith(
            "Cycle 3, which was stopped, began with the weights of cycle 2"
        )
        session.train(steps=50, wait=True)
        assert last_checkpoint(session).begun_with == 1
        assert session.status.interrupted_step is not None


def last_checkpoint(session: Session) -> Interruption:
    return peek_checkpoint(session.path / "checkpoints" / "current.safetensors")


def test_another_size_of_shards_asks_for_no_score_again(trained: Path) -> None:
    with Session.open(trained / "session", trained / "images") as session:
        former = session.ranking().scores
        files = {path: path.stat().st_mtime_ns for path in (session.path / "scores").glob("*/*.parquet")}
        assert len(files) > 1
        session.configure({"score.shard_size": 7})
        session.rank(wait=True)
        np.testing.assert_array_equal(session.ranking().scores, former)
        assert {path: path.stat().st_mtime_ns for path in files} == files


def test_other_images_whose_scoring_is_stopped_have_no_scores(session: Session) -> None:
    session.rank(wait=True)
    session.subscribe(lambda status: status.state == "running" and session.stop())
    with pytest.raises(InputError, match="was stopped"):
        session.score_images(open_pool(session.pool.path))
