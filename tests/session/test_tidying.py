"""A session keeps the networks of a few cycles, and the figures and the history of all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import make_pool
from scoring import keep_scores

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import DamagedStoreError, InputError, StorageError
from anomalymatch_ui.pool import ImagePool, open_pool
from anomalymatch_ui.score import Archive
from anomalymatch_ui.session import Cycle, Cycles, Session
from anomalymatch_ui.session.core import pins
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.work.cycles import save_cycle
from anomalymatch_ui.session.work.kept_scores import KeptScores
from anomalymatch_ui.session.work.tidying import pin_model, tidy

STEP = 1 / 65_533  # of kept scores


def pool_of_six(place: Path) -> ImagePool:
    make_pool(place, images=6)
    return open_pool(place)


@pytest.fixture
def pool(tmp_path: Path) -> ImagePool:
    return pool_of_six(tmp_path / "images")


@pytest.fixture
def folder(tmp_path: Path, pool: ImagePool) -> SessionFolder:
    """A session with five cycles that have scored its six images."""
    folder = SessionFolder(tmp_path / "session")
    folder.prepare()
    folder.keep_pool(pool)
    for number in range(1, 6):
        finish_cycle(folder, pool, number)
    return folder


def finish_cycle(folder: SessionFolder, pool: ImagePool, number: int, scored: int = 6) -> None:
    digest = f"{number:016x}"
    save_cycle(folder.cycle_record(number), Cycle(number, anomalies=number, nominals=1, digest=digest))
    folder.checkpoint(number).write_bytes(b"network")
    keep_scores(folder.scores(digest, pool.digest), pool, scores_of(number)[:scored], 3, digest)


def scores_of(cycle: int) -> np.ndarray:
    return np.random.default_rng(cycle).random(6, dtype=np.float32)


def expect_history_of_all(cycles: Cycles) -> None:
    for index in range(6):
        expected = [(number, pytest.approx(scores_of(number)[index], abs=STEP)) for number in range(1, 6)]
        assert list(cycles.score_history(f"{index:04d}.jpg")) == expected


def test_only_the_last_cycles_keep_network_and_scores(folder: SessionFolder, pool: ImagePool) -> None:
    cycles = Cycles(folder, pool)
    assert tidy(folder, pool, cycles, last=3) == (1, 2)
    assert cycles.kept == (3, 4, 5)
    assert [cycle.number for cycle in cycles.all()] == [1, 2, 3, 4, 5]
    assert [cycle.anomalies for cycle in cycles.all()] == [1, 2, 3, 4, 5]
    assert len(list((folder.path / "scores").glob("*/manifest.json"))) == 3
    assert cycles.disk_bytes(cycles.all()[0]) < cycles.disk_bytes(cycles.all()[4])
    expect_history_of_all(cycles)
    assert tidy(folder, pool, cycles, last=3) == ()


def test_the_cycle_in_use_and_pinned_ones_are_kept(folder: SessionFolder, pool: ImagePool) -> None:
    cycles = Cycles(folder, pool)
    folder.use_cycle(2)
    cycles.pin(1)
    assert tidy(folder, pool, cycles, last=1) == (3, 4)
    assert cycles.kept == (1, 2, 5)
    cycles.pin(1, False)
    assert tidy(folder, pool, cycles, last=1) == (1,)
    assert cycles.kept == (2, 5)


def test_the_scores_that_still_order_the_images_are_kept(folder: SessionFolder, pool: ImagePool) -> None:
    for number in (4, 5):  # ranking by these was stopped
        shutil.rmtree(folder.scores(f"{number:016x}", pool.digest))
    cycles = Cycles(folder, pool)
    assert tidy(folder, pool, cycles, last=1) == (1, 2, 4)
    assert cycles.kept == (3, 5)


def test_change_is_told_between_the_cycle_in_use_and_one_whose_network_is_gone(
    folder: SessionFolder, pool: ImagePool
) -> None:
    cycles = Cycles(folder, pool)
    tidy(folder, pool, cycles, last=1)
    assert cycles.change() == pytest.approx(scores_of(5) - scores_of(4), abs=STEP)


def test_a_ranking_that_was_stopped_is_no_whole_one_afterwards(
    folder: SessionFolder, pool: ImagePool
) -> None:
    shutil.rmtree(folder.scores(f"{4:016x}", pool.digest))
    finish_cycle(folder, pool, 4, scored=3)
    cycles = Cycles(folder, pool)
    tidy(folder, pool, cycles, last=1)
    assert [number for number, _ in cycles.score_history("0005.jpg")] == [1, 2, 3, 5]
    assert cycles.change() == pytest.approx(scores_of(5) - scores_of(3), abs=STEP)


def score_in_other_views(folder: SessionFolder, pool: ImagePool, cycle: int, scored: int) -> Path:
    """Begin to score by a cycle's network anew, as after the pool's symmetry was set; the newest scores."""
    digest = f"{cycle:016x}"
    store = folder.scores(f"{digest}-mirror", pool.digest)
    keep_scores(store, pool, np.zeros(scored), 3, digest)
    os.utime(store / "manifest.json", (2**31, 2**31))
    os.utime(store, (2**31, 2**31))
    return store


def test_whole_scores_count_though_newer_ones_were_stopped(folder: SessionFolder, pool: ImagePool) -> None:
    for cycle in (1, 5):
        score_in_other_views(folder, pool, cycle, scored=3)
    cycles = Cycles(folder, pool)
    assert cycles.newest_scored() == 5
    tidy(folder, pool, cycles, last=3)
    expect_history_of_all(cycles)
    assert len(list((folder.path / "scores").glob(f"{1:016x}*"))) == 1


def test_whole_scores_that_were_kept_are_not_replaced_by_a_part(
    folder: SessionFolder, pool: ImagePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tidying was killed between a cycle's two stores, of which the whole one went first."""
    score_in_other_views(folder, pool, 1, scored=3)
    cycles, whole = Cycles(folder, pool), folder.scores(f"{1:016x}", pool.digest)
    KeptScores.keep(folder.kept_scores(f"{1:016x}", pool.digest), Archive.begun(whole), pool)
    shutil.rmtree(whole)
    expect_history_of_all(cycles)
    tidy(folder, pool, cycles, last=3)
    expect_history_of_all(cycles)


def test_one_cannot_go_back_to_a_cycle_or_pin_it_when_its_network_is_gone(
    folder: SessionFolder, pool: ImagePool
) -> None:
    cycles = Cycles(folder, pool)
    tidy(folder, pool, cycles, last=3)
    for ask in (cycles.check, cycles.use, cycles.pin):
        with pytest.raises(InputError, match=r"cycle 2 is no longer on disk.*\(3, 4, 5\), or 0"):
            ask(2)
    with pytest.raises(InputError, match="There is no cycle 9"):
        cycles.pin(9)
    assert cycles.pinned == ()


def test_a_cycle_without_a_record_is_left_alone(folder: SessionFolder, pool: ImagePool) -> None:
    folder.cycle_record(1).unlink()
    cycles = Cycles(folder, pool)
    assert tidy(folder, pool, cycles, last=3) == (2,)
    assert cycles.kept == (1, 3, 4, 5)


def test_an_unfinished_cycle_is_none_though_its_record_is_there(
    folder: SessionFolder, pool: ImagePool
) -> None:
    save_cycle(folder.cycle_record(6), Cycle(6))  # a crash came before its checkpoint
    assert folder.cycles == (1, 2, 3, 4, 5)
    assert folder.cycle == 5


@pytest.mark.parametrize("step", range(10))
def test_killed_at_any_moment_nothing_is_lost_and_the_next_run_goes_on(
    folder: SessionFolder, pool: ImagePool, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Whatever is renamed or deleted, a kill comes before the step-th of these."""
    cycles, done = Cycles(folder, pool), iter(range(100))

    def until_killed(operation):
        def carry_out(*given, **named):
            if next(done) == step:
                raise KeyboardInterrupt
            return operation(*given, **named)

        return carry_out

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", until_killed(Path.replace))
        patched.setattr(Path, "unlink", until_killed(Path.unlink))
        patched.setattr(shutil, "rmtree", until_killed(shutil.rmtree))
        with pytest.raises(KeyboardInterrupt):
            tidy(folder, pool, cycles, last=3)
    expect_history_of_all(cycles)
    assert set(cycles.kept) >= {3, 4, 5}
    assert [cycle.number for cycle in cycles.all()] == [1, 2, 3, 4, 5]
    folder.sweep()
    tidy(folder, pool, cycles, last=3)
    expect_history_of_all(cycles)
    assert cycles.kept == (3, 4, 5)
    assert sorted(path.suffix for path in (folder.path / "scores").iterdir()) == ["", "", "", ".npy", ".npy"]


def test_where_the_disk_is_full_nothing_is_removed(
    folder: SessionFolder, pool: ImagePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise StorageError("Cannot write: no space left.")

    monkeypatch.setattr("anomalymatch_ui.session.work.kept_scores.write_bytes_atomically", full)
    cycles = Cycles(folder, pool)
    with pytest.raises(StorageError):
        tidy(folder, pool, cycles, last=3)
    assert cycles.kept == (1, 2, 3, 4, 5)


@given(st.lists(st.one_of(st.floats(0, 1, width=32), st.none()), min_size=6, max_size=6))
def test_kept_scores_are_the_stores_to_a_step(tmp_path_factory, values: list[float | None]) -> None:
    place = tmp_path_factory.mktemp("kept")
    pool = pool_of_six(place / "images")
    store = keep_scores(place / "store", pool, np.array(values, np.float32), 4)
    kept = KeptScores.keep(place / "kept.npy", store, pool)
    assert kept.is_whole
    assert kept.scores(pool) == pytest.approx(store.scores(pool), abs=STEP, nan_ok=True)
    said = [kept.score_of(pool, image_id) for image_id in pool.ids]
    assert [value is None for value in said] == [value is None for value in values]


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"no array"])
def test_damaged_scores_of_a_past_cycle_are_left_out_of_the_history(
    folder: SessionFolder, pool: ImagePool, content: bytes
) -> None:
    cycles = Cycles(folder, pool)
    tidy(folder, pool, cycles, last=3)
    kept = folder.kept_scores(f"{1:016x}", pool.digest)
    kept.write_bytes(content)
    with pytest.raises(DamagedStoreError, match="past cycle"):
        KeptScores(kept)
    assert [number for number, _ in cycles.score_history("0000.jpg")] == [2, 3, 4, 5]


def test_the_model_that_scores_an_archive_is_pinned(folder: SessionFolder, pool: ImagePool) -> None:
    assert pin_model(folder.checkpoint(1)) == 1
    assert pin_model(folder.checkpoint(1)) is None
    tidy(folder, pool, Cycles(folder, pool), last=1)
    assert folder.kept_cycles == (1, 5)
    elsewhere = folder.path.parent / "cycle-0001.safetensors"
    elsewhere.write_bytes(b"network")
    assert pin_model(elsewhere) is None


def test_where_it_cannot_be_pinned_that_is_said_and_no_reason_to_stop(
    folder: SessionFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def read_only(path: Path, content: bytes) -> None:
        raise StorageError(f"Cannot write {path}: read-only file system.")

    monkeypatch.setattr("anomalymatch_ui.session.core.pins.write_bytes_atomically", read_only)
    assert pin_model(folder.checkpoint(1)) is None
    assert "is not pinned, so its session may remove it: Cannot write" in caplog.text


@pytest.mark.parametrize("moment", ["before", "between", "after"])
def test_a_cycle_that_is_pinned_while_it_is_removed_is_there_or_the_pin_is_refused(
    folder: SessionFolder, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint, kept = folder.checkpoint(1), []

    def pin(when: str) -> None:
        if when == moment:
            kept.append(pins.keep(checkpoint))

    rename = Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda path, target: (rename(path, target), path == checkpoint and pin("between"))
    )
    pin("before")
    removed = pins.remove(checkpoint)
    pin("after")
    assert kept == [not removed] == [checkpoint.exists()] == [folder.pinned_cycles == (1,)]


@pytest.mark.parametrize("pinned", [True, False])
def test_a_network_that_was_about_to_be_removed_is_settled_by_the_next_process(
    folder: SessionFolder, pinned: bool
) -> None:
    checkpoint = folder.checkpoint(1)
    if pinned:
        assert pins.keep(checkpoint)
    checkpoint.replace(pins.doomed(checkpoint))
    folder.sweep()
    assert checkpoint.exists() == pinned
    assert not pins.doomed(checkpoint).exists()


def test_training_tidies_and_the_order_goes_on(pool_folder: Path, quick: Config, tmp_path: Path) -> None:
    config = quick.with_values(train={"keep_cycles": 1})
    with Session.open(tmp_path / "session", pool_folder, config=config) as session:
        session.label(["0000.jpg", "0001.jpg"], "anomaly")
        session.label(["0020.jpg", "0021.jpg", "0022.jpg"], "nominal")
        session.train(wait=True)
        history = session.cycles.score_history("0003.jpg")
        session.train(wait=True)
        assert session.status.kept_cycles == session.cycles.kept == (2,)
        assert session.cycles.score_history("0003.jpg")[0] == (1, pytest.approx(history[0][1], abs=STEP))
        order = session.ranking().order.tolist()
        session.pin(2)
        assert session.status.pinned_cycles == (2,)
    with Session.open(tmp_path / "session", pool_folder) as session:
        session.rank(wait=True)
        assert session.ranking().order.tolist() == order
        assert [cycle.number for cycle in session.cycles.all()] == [1, 2]
        with pytest.raises(InputError, match="no longer on disk"):
            session.go_back(1)
