"""A session keeps what its networks say of its pool as archives keep scores: checked, and gone on with."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet as parquet
import pytest
import torch
from scoring import keep_scores
from sessions import SETTINGS, make_trained

from anomalymatch_ui.errors import DamagedStoreError, InputError
from anomalymatch_ui.learn import load_checkpoint
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.score import Archive, Scores
from anomalymatch_ui.session import Session
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.jobs import Job, Reporter
from anomalymatch_ui.session.core.status import Status
from anomalymatch_ui.session.work.earlier_scores import EarlierScores, checksum_of
from anomalymatch_ui.session.work.network_engine import NetworkEngine

SHARD, BATCH = 20, 16


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session on 60 images with a cycle, whose scores lie in three shards."""
    folder = tmp_path_factory.mktemp("trained")
    make_trained(folder)
    return folder / "session"


@pytest.fixture
def path(trained: Path, tmp_path: Path) -> Path:
    return shutil.copytree(trained, tmp_path / "session")


def store_of(path: Path) -> Path:
    (store,) = (path / "scores").glob("*/")
    return store


def shards_of(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in store_of(path).glob("shard-*.parquet")}


def test_the_scores_of_a_network_are_an_archive_that_anything_reads(path: Path) -> None:
    with Scores(store_of(path)) as scores, Session.open(path) as session:
        assert len(scores) == len(session.pool) == 60
        best = scores.top(1)
        assert session.cycles.score_history(best.ids[0]) == ((1, pytest.approx(best.scores[0])),)


def test_a_damaged_shard_is_set_aside_and_made_again_alone(path: Path) -> None:
    whole, store = shards_of(path), store_of(path)
    others = {name: (store / name).stat().st_mtime_ns for name in whole if "0001" not in name}
    (store / "shard-0000001.parquet").write_bytes(b"PAR1 no more")
    with Session.open(path) as session:
        session.rank(wait=True)
        assert "The scores of cycle 1 were damaged on the disk; they have been made again" in (
            session.status.message or ""
        )
    assert shards_of(path) == whole
    assert {name: (store / name).stat().st_mtime_ns for name in others} == others
    assert (store / "shard-0000001.parquet.damaged").read_bytes() == b"PAR1 no more"


def test_stopped_within_a_shard_it_goes_on_there_to_the_same_bytes(path: Path) -> None:
    whole, store = shards_of(path), store_of(path)
    shutil.rmtree(store)
    done: list[int] = []

    def stop_in_the_second_shard(status: Status) -> None:
        if status.phase == "ranking" and status.progress.done >= SHARD + BATCH and not done:
            done.append(status.progress.done)
            session.stop()

    with Session.open(path) as session:
        session.subscribe(stop_in_the_second_shard)
        session.rank(wait=True)
        assert 0 < len(shards_of(path)) < 3
        began: list[int] = []
        session.subscribe(
            lambda status: status.phase == "ranking" and began.append(status.progress.done)  # type: ignore[func-returns-value]
        )
        session.rank(wait=True)
        assert session.status.error is None
    assert began[0] >= done[0] - BATCH  # but for a batch
    assert shards_of(path) == whole
    assert not (store / "under-way.rows").exists()


def untold() -> Reporter:
    """Return a reporter that nobody listens to."""
    job = Job("test", lambda job: None, lambda state: None, lambda error: None)
    return Reporter(job, lambda phase, progress: None, lambda: None)


@pytest.mark.parametrize("first", [None, lambda: np.arange(5)])
def test_a_network_that_gives_no_numbers_is_refused_however_often_it_is_asked(
    path: Path, tmp_path: Path, first: Callable[[], np.ndarray] | None
) -> None:
    folder = SessionFolder(path)
    network = load_checkpoint(folder.checkpoint(1)).average
    with torch.no_grad():
        network.head.bias.fill_(torch.nan)
    pool = folder.open_pool()
    engine = NetworkEngine(pool, network, SETTINGS, "none", folder, untold())
    manifest = engine.manifest(None)
    offered: list[np.ndarray] = []
    for _ in range(2):  # the second time, what was scored before counts
        with pytest.raises(InputError, match="gives no number for 00"):
            engine.write(tmp_path / "scores", manifest, first, offered.append)
    assert not offered
    assert not list((tmp_path / "scores").glob("shard-*"))


def test_what_another_version_began_is_begun_anew_and_what_it_ended_is_read(path: Path) -> None:
    store = store_of(path)
    with Session.open(path) as session:
        pool, before = session.pool, session.ranking().scores
        told = json.loads((store / "manifest.json").read_text())
        shutil.rmtree(store)
        values = np.linspace(0, 1, 60, dtype=np.float32)
        keep_scores(store, pool, values, SHARD, told["model"])  # whole, by the batches of another machine
        session.rank(wait=True)
    with Session.open(path) as session:
        session.rank(wait=True)
        assert session.cycles.score_history("0059.jpg") == ((1, pytest.approx(values[59])),)
    shutil.rmtree(store)
    keep_scores(store, pool, values[:SHARD], SHARD, told["model"])
    with Session.open(path) as session:
        session.rank(wait=True)
        np.testing.assert_array_equal(session.ranking().scores, before)
        assert "damaged" not in (session.status.message or "")


def keep_as_before(store: Path, pool: ImagePool, scores: np.ndarray, shard_size: int) -> None:
    """Write scores as version 0.1 kept them before they became archives."""
    store.mkdir(parents=True)
    told = {"model": "name", "pool": pool.digest, "images": len(pool), "shard_size": shard_size}
    (store / "manifest.json").write_text(json.dumps(told))
    for number, start in enumerate(range(0, len(scores), shard_size)):
        ids = [pool.ids[row] for row in range(start, min(start + shard_size, len(scores)))]
        values = scores[start : start + shard_size]
        table = pyarrow.table({"id": ids, "score": values})
        table = table.replace_schema_metadata({b"checksum": checksum_of(ids, values)})
        buffer = io.BytesIO()
        parquet.write_table(table, buffer)
        (store / f"shard-{number:05d}.parquet").write_bytes(buffer.getvalue())


def test_scores_of_a_version_before_are_read_and_parts_of_them_made_anew(path: Path) -> None:
    store = store_of(path)
    with Session.open(path) as session:
        pool, before = session.pool, session.ranking().scores
        scores = Archive.existing(store).scores(pool)
        shutil.rmtree(store)
        keep_as_before(store, pool, scores, SHARD)
        files = {file: file.stat().st_mtime_ns for file in store.iterdir()}
    with Session.open(path) as session:
        session.rank(wait=True)
        np.testing.assert_array_equal(session.ranking().scores, before)
        assert session.cycles.score_history("0059.jpg") == ((1, pytest.approx(scores[59])),)
        assert "damaged" not in (session.status.message or "")
    assert {file: file.stat().st_mtime_ns for file in files} == files
    shutil.rmtree(store)
    keep_as_before(store, pool, scores[:SHARD], SHARD)
    with Session.open(path) as session:
        session.rank(wait=True)
        np.testing.assert_array_equal(session.ranking().scores, before)
    assert Archive.existing(store).is_whole


def test_damage_to_scores_of_a_version_before_shows(path: Path) -> None:
    with Session.open(path) as session:
        pool = session.pool
    store, values = path / "scores" / "earlier", np.linspace(0, 1, 60, dtype=np.float32)
    keep_as_before(store, pool, values, 60)
    file = store / "shard-00000.parquet"
    whole = file.read_bytes()
    for at in range(0, len(whole), 97):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with suppress(DamagedStoreError):
            np.testing.assert_array_equal(EarlierScores(store).scores(pool), values)
    (store / "manifest.json").write_text('{"model": 1}')
    with pytest.raises(DamagedStoreError):
        EarlierScores(store)
