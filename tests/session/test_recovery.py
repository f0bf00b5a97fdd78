"""What a session makes of damage, interruption and change: nothing a person did is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from images import make_pool

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError, SessionBusyError
from anomalymatch_ui.learn import Trainer, load_checkpoint, network_digest
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.session import Session
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.mending.repairing import repair_session
from anomalymatch_ui.session.work import training as training_module

ANOMALIES = ["0000.jpg", "0001.jpg", "0002.jpg"]
NOMINALS = [f"{number:04d}.jpg" for number in range(20, 30)]


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory, quick_once: Config) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    make_pool(folder / "images")
    config = quick_once.with_values(order="fused")
    with Session.open(folder / "session", folder / "images", config=config) as session:
        session.label(ANOMALIES, "anomaly")
        session.label(NOMINALS, "nominal")
        session.train(wait=True)
    return folder / "session"


@pytest.fixture
def trained(trained_once: Path, pool_folder: Path, tmp_path: Path) -> Path:
    """The folder of a session after one cycle, ordered by labels and network together."""
    shutil.copytree(trained_once, tmp_path / "session")
    Session.open(tmp_path / "session", pool_folder).close()
    return tmp_path / "session"


@pytest.fixture
def trainers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Trainer, str, object]]:
    """Every trainer a session makes, with the digest of its network at the start and its data."""
    made: list[tuple[Trainer, str, object]] = []

    class Watched(Trainer):
        def __init__(self, network, average, config, data, **options) -> None:
            super().__init__(network, average, config, data, **options)
            made.append((self, network_digest(network), data))

    monkeypatch.setattr(training_module, "Trainer", Watched)
    return made


def test_scores_are_those_of_the_averaged_network(trained: Path) -> None:
    saved = load_checkpoint(trained / "checkpoints" / "cycle-0001.safetensors")
    (store,) = (trained / "scores").iterdir()
    assert store.name.startswith(network_digest(saved.average))
    assert network_digest(saved.average) != network_digest(saved.network)


def test_training_sees_the_same_rgb_pixels_as_the_screen(
    trainers: list, trained: Path, pool_folder: Path
) -> None:
    with Session.open(trained) as session:
        session.train(wait=True)
    data = trainers[-1][2]
    pool = open_pool(pool_folder)
    labelled = pool.read([pool.index(name) for name in sorted([*ANOMALIES, *NOMINALS])], 32)
    np.testing.assert_array_equal(data.labelled, labelled.pixels)
    assert data.labels.tolist() == [True] * 3 + [False] * 10
    assert len(data.unlabelled) == 60 - 13


def test_the_next_cycle_goes_on_from_the_weights_of_the_last(trainers: list, trained: Path) -> None:
    last = load_checkpoint(trained / "checkpoints" / "cycle-0001.safetensors")
    with Session.open(trained) as session:
        session.train(wait=True)
    assert trainers[-1][1] == network_digest(last.network)
    assert trainers[-1][0].cycle == 2


@pytest.mark.parametrize(
    "pattern", ["ranking.npz", "scores/*/shard-*.parquet", "scores/*/manifest.json", "embeddings/*.npy"]
)
@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty"])
def test_what_can_be_made_again_is_made_again_when_it_is_damaged(
    pattern: str, damage: str, trained: Path
) -> None:
    with Session.open(trained) as session:
        before = session.ranking().scores
    for path in trained.glob(pattern):
        content = path.read_bytes()
        path.write_bytes(
            {"truncated": content[: len(content) // 2], "garbage": b"\0" * 99, "empty": b""}[damage]
        )
    with Session.open(trained) as session:
        session.rank(wait=True)
        np.testing.assert_array_equal(session.ranking().scores, before)
        assert len(session.labels()) == 13


ENDLESS = {
    **dict.fromkeys(("token", "annotator", "user", "host", "since"), "a"),
    **dict.fromkeys(("pid", "process_started", "process_started_after_boot"), float("inf")),
}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "12"}', '{"token": 1}', json.dumps(ENDLESS)])
def test_a_damaged_lock_locks_nobody_out(text: str, trained: Path) -> None:
    (trained / "session.lock").write_text(text)
    with Session.open(trained) as session:
        session.label(["0040.jpg"], "unsure")


def test_a_damaged_checkpoint_is_set_aside_with_a_sentence_and_labels_stay(trained: Path) -> None:
    shutil.rmtree(trained / "scores")
    (trained / "checkpoints" / "cycle-0001.safetensors").write_bytes(b"broken")
    with Session.open(trained) as session:
        session.rank(wait=True)
        assert "ordered by the labels alone. Train to have it made again" in session.status.message
        assert session.ranking().source == "linear head"
        assert len(session.labels()) == 13


def test_a_crash_after_a_cycle_was_kept_does_not_train_it_again(trained: Path) -> None:
    checkpoints = trained / "checkpoints"
    shutil.copy(checkpoints / "cycle-0001.safetensors", checkpoints / "current.safetensors")
    with Session.open(trained) as session:
        assert session.status.interrupted_step is None
        session.train(wait=True)
        assert session.status.cycle == 2


def test_an_interrupted_cycle_is_not_gone_on_with_by_another_recipe(
    pool_folder: Path, quick: Config, tmp_path: Path
) -> None:
    with Session.open(tmp_path / "session", pool_folder, config=quick) as session:
        session.label(ANOMALIES, "anomaly")
        session.label(NOMINALS, "nominal")
        session.train(steps=100)
        while session.status.progress.loss is None:
            assert session.status.error is None
        session.stop()
        assert session.wait().interrupted_step is not None
    with Session.open(tmp_path / "session") as session:
        assert "interrupted at step" in session.status.message
        assert "  " not in session.status.message
    other = quick.with_values(train={"learning_rate": 0.001})
    with Session.open(tmp_path / "session", config=other) as session:
        assert session.status.interrupted_step is None
        session.train(wait=True)
        assert session.status.cycle == 1


@pytest.mark.parametrize(("symmetry", "size"), [("square", 96), ("mirror", 160)])
def test_photographs_are_seen_larger_than_the_sky_and_their_cycle_is_gone_on_with(
    pool_folder: Path, swift: Config, tmp_path: Path, symmetry: str, size: int
) -> None:
    config = swift.with_values(symmetry=symmetry, network={"image_size": None}, train={"steps": 100})
    with Session.open(tmp_path / "session", pool_folder, config=config) as session:
        session.label(ANOMALIES, "anomaly")
        session.label(NOMINALS, "nominal")
        session.train()
        while session.status.progress.loss is None:
            assert session.status.error is None
        session.stop()
        assert session.wait(120).interrupted_step is not None
    with Session.open(tmp_path / "session") as session:
        step = session.status.interrupted_step
        assert step is not None
        session.train(steps=step + 1, wait=True, rank=False)
    trained = load_checkpoint(SessionFolder(tmp_path / "session").checkpoint(1)).network
    assert (trained.image_size, trained.config.image_size) == (size, size)


def test_another_network_in_the_settings_begins_anew_and_is_counted_on(trained: Path) -> None:
    config = Config.load(trained / "config.toml").with_values(network={"image_size": 64})
    with Session.open(trained, config=config) as session:
        cycle = session.status.cycle
        session.train(wait=True)
        assert session.status.cycle == cycle + 1
        assert session.ranking().source == f"cycle {cycle + 1} and linear head"


def test_training_that_diverges_is_a_sentence_and_keeps_nothing_of_it(
    pool_folder: Path, quick: Config, tmp_path: Path
) -> None:
    config = quick.with_values(train={"learning_rate": 1e9, "steps": 30})
    with Session.open(tmp_path / "session", pool_folder, config=config) as session:
        session.label(ANOMALIES, "anomaly")
        session.label(NOMINALS, "nominal")
        with pytest.raises(InputError, match="Lower the learning rate"):
            session.train(wait=True)
        assert session.status.cycle == 0
        session.rank(wait=True)
        assert len(session.ranking().order) == 60


def test_other_images_of_the_same_names_are_another_pool(trained: Path, tmp_path: Path) -> None:
    make_pool(tmp_path / "others", seed=1)
    assert open_pool(tmp_path / "others").ids == open_pool(tmp_path / "images").ids
    with pytest.raises(InputError, match="belongs to the images in"):
        Session.open(trained, tmp_path / "others")
    assert json.loads((trained / "pool.json").read_text())["path"] == str(tmp_path / "images")


def test_rows_without_names_that_have_changed_in_place_are_refused(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).integers(0, 255, (20, 32, 32, 3), np.uint8)
    survey = tmp_path / "survey.h5"

    def write(images: np.ndarray) -> None:
        with h5py.File(survey, "w") as file:
            file["images"] = images

    write(rows)
    with Session.open(tmp_path / "session", survey) as session:
        session.label(["0"], "anomaly")
    write(rows[::-1])
    with pytest.raises(InputError, match="could now be those of others"):
        Session.open(tmp_path / "session", survey)
    write(rows)
    with Session.open(tmp_path / "session", survey) as session:
        assert session.labels() == {"0": "anomaly"}


def test_a_repaired_image_joins_the_ranking(pool_folder: Path, trained: Path) -> None:
    whole = (pool_folder / "0050.jpg").read_bytes()
    (pool_folder / "0050.jpg").write_bytes(whole[:200])
    for content, ranked in ((None, 59), (whole, 60)):
        if content is not None:
            (pool_folder / "0050.jpg").write_bytes(content)
        with Session.open(trained) as session:
            session.rank(wait=True)
            assert len(session.ranking().order) == ranked
            assert session.status.unreadable == 60 - ranked


def test_the_number_of_unreadable_images_is_known_after_reopening(pool_folder: Path, trained: Path) -> None:
    (pool_folder / "0050.jpg").write_bytes(b"broken")
    with Session.open(trained) as session:
        session.rank(wait=True)
    with Session.open(trained) as session:
        assert session.status.unreadable == 1


def test_labels_on_unreadable_images_only_are_a_sentence_that_says_so(
    pool_folder: Path, quick: Config, tmp_path: Path
) -> None:
    for name in ANOMALIES:
        (pool_folder / name).write_bytes(b"broken")
    with Session.open(tmp_path / "session", pool_folder, config=quick) as session:
        session.label(ANOMALIES, "anomaly")
        session.label(NOMINALS, "nominal")
        with pytest.raises(InputError, match="None of the images labelled anomaly can be read"):
            session.train(wait=True)


def test_labels_of_images_that_are_gone_are_not_counted(pool_folder: Path, trained: Path) -> None:
    for name in NOMINALS:
        (pool_folder / name).unlink()
    with Session.open(trained) as session:
        assert session.status.counts.nominal == 0
        assert session.status.counts.unlabelled == 50 - 3
        with pytest.raises(InputError, match="no nominal image is labelled yet"):
            session.train(wait=True)


def test_an_undo_takes_back_what_a_person_did_and_never_a_whole_table(
    pool_folder: Path, quick: Config, tmp_path: Path
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("filename,label\n0000.jpg,anomaly\n0030.jpg,nominal\n")
    with Session.open(tmp_path / "session", pool_folder, table, config=quick) as session:
        assert session.undo() is None
        session.label(["0000.jpg"], "nominal")
        session.undo()
        assert session.labels() == {"0000.jpg": "anomaly", "0030.jpg": "nominal"}


def test_a_table_given_again_labels_the_images_that_have_come_since(
    pool_folder: Path, quick: Config, tmp_path: Path
) -> None:
    late = (pool_folder / "0030.jpg").read_bytes()
    (pool_folder / "0030.jpg").unlink()
    table = tmp_path / "labels.csv"
    table.write_text("filename,label\n0000.jpg,anomaly\n0030.jpg,nominal\n")
    with Session.open(tmp_path / "session", pool_folder, table, config=quick) as session:
        session.label(["0000.jpg"], None)
    (pool_folder / "0030.jpg").write_bytes(late)
    with Session.open(tmp_path / "session", pool_folder, table) as session:
        assert session.labels() == {"0030.jpg": "nominal"}


def test_what_a_killed_process_had_half_written_is_removed(trained: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    leftover = trained / "checkpoints" / f".current.safetensors.{ended.pid}-0.tmp"
    leftover.write_bytes(b"half")
    folder = trained / "embeddings" / f".raw.{ended.pid}-0.tmp"
    folder.mkdir()
    living = (
        trained / "checkpoints" / f".current.safetensors.{os.getppid()}-0.tmp"
    )  # of who started the tests
    living.write_bytes(b"half")
    Session.open(trained).close()
    assert not leftover.exists()
    assert not folder.exists()
    assert living.exists()


def test_a_ranking_that_remembers_more_labels_than_the_journal_has_is_said(trained: Path) -> None:
    (trained / "journal.sqlite").unlink()
    (trained / "journal.copy").unlink()
    with Session.open(trained) as session:
        assert "labels are missing" in session.status.message
        assert "anomalymatch repair" in session.status.message


def test_a_damaged_journal_is_refused_with_the_way_out(trained: Path) -> None:
    journal = trained / "journal.sqlite"
    content = journal.read_bytes()
    journal.write_bytes(content.replace(b"0000.jpganomaly", b"0001.jpganomaly", 1))
    with pytest.raises(InputError, match="anomalymatch repair"):
        Session.open(trained)
    assert repair_session(trained).lost == ()
    with Session.open(trained) as session:
        assert len(session.labels()) == 13


def test_a_session_that_is_open_is_not_repaired(trained: Path) -> None:
    with Session.open(trained), pytest.raises(SessionBusyError, match="open elsewhere"):
        repair_session(trained)
