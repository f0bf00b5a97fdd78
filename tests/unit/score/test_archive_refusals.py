"""What an archive is not gone on with, and what it refuses."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from archive_runs import CPU, IDS, NETWORK, SHARD, contents, run
from checkpoints import make_network
from hypothesis import given
from hypothesis import strategies as st
from scoring import QuickEngine, names

from anomalymatch_ui import __version__
from anomalymatch_ui.config import ScoreConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.score import Archive, DamagedStoreError, LocalEngine, score_archive
from anomalymatch_ui.score.archive import check_ids
from anomalymatch_ui.score.manifest import Plan, read_manifest


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"network": make_network(seed=1)}, "scores of another model"),
        ({"pool": names(IDS, "other")}, "the images have changed since"),
        ({"pool": names(IDS[:-1])}, "95 images, and now there are 94"),
        ({"symmetry": "mirror"}, "symmetry none, not mirror"),
        ({"components": 8}, "embeddings of 0 components, not 8"),
        ({"shard_size": 20}, "shard size 10, not 20"),
    ],
)
def test_scores_of_something_else_are_refused_until_a_restart(
    changed: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    run(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(InputError, match=sentence) as refusal:
        run(tmp_path, **changed)
    assert "--restart" in str(refusal.value)
    assert contents(tmp_path) == before
    pool = changed.get("pool", names(IDS))
    outcome = run(tmp_path, QuickEngine(pool.ids), restart=True, **changed)
    assert outcome.written == outcome.manifest.shard_count
    assert outcome.scored + outcome.unreadable == len(pool)
    Archive.existing(tmp_path)


def test_another_arithmetic_is_refused(tmp_path: Path) -> None:
    class GraphicsEngine(QuickEngine):
        arithmetic = type(QuickEngine.arithmetic)("cuda", "bfloat16")

    run(tmp_path)
    with pytest.raises(InputError, match="device cpu, not cuda"):
        run(tmp_path, GraphicsEngine(IDS))


def test_scores_by_torch_and_by_openvino_are_never_mixed(tmp_path: Path) -> None:
    class FasterEngine(QuickEngine):
        arithmetic = type(QuickEngine.arithmetic)("cpu", "float32", "OpenVINO 2026.4.1")

    run(tmp_path)
    told = r"was begun with torch, and here OpenVINO 2026.4.1 computes.*--runtime"
    with pytest.raises(InputError, match=told):
        run(tmp_path, FasterEngine(IDS))
    outcome = run(tmp_path, FasterEngine(IDS), restart=True)
    assert (
        read_manifest(tmp_path / "manifest.json").runtime == outcome.manifest.runtime == "OpenVINO 2026.4.1"
    )


def test_an_archive_from_before_there_was_a_choice_goes_on_by_torch(tmp_path: Path) -> None:
    run(tmp_path)
    path = tmp_path / "manifest.json"
    values = json.loads(path.read_text())
    assert values.pop("runtime") == "torch"
    path.write_text(json.dumps(values))
    assert run(tmp_path).written == 0


def test_scores_of_two_number_formats_are_never_mixed(pool_folder: Path, tmp_path: Path) -> None:
    pool = open_pool(pool_folder)
    for number_format, told in (("float32", ""), ("bfloat16", "dtype float32, not bfloat16")):
        config = ScoreConfig(batch_size=8, number_format=number_format)
        engine = LocalEngine(pool, NETWORK, config, CPU)
        with pytest.raises(InputError, match=told) if told else contextlib.nullcontext():
            score_archive(pool, NETWORK, tmp_path / "scores", engine, config, shard_size=20)


def test_what_was_begun_keeps_the_batches_and_shards_it_was_begun_with(tmp_path: Path) -> None:
    class OtherwiseEngine(QuickEngine):
        def plan(self) -> Plan:
            return Plan(7)

    run(tmp_path)
    outcome = run(tmp_path, OtherwiseEngine(IDS), shard_size=None)
    assert (outcome.manifest.batch_size, outcome.manifest.shard_size, outcome.written) == (64, SHARD, 0)


def edit_manifest(folder: Path, **values: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_store_of_other_software_is_not_gone_on_with_but_can_be_read(tmp_path: Path) -> None:
    run(tmp_path)
    edit_manifest(tmp_path, software="0.0.1")
    with pytest.raises(InputError, match=rf"begun by version 0.0.1 .* this is {__version__}"):
        run(tmp_path)
    assert Archive.existing(tmp_path).manifest.software == "0.0.1"


def test_a_store_of_a_newer_format_is_not_even_read(tmp_path: Path) -> None:
    run(tmp_path)
    edit_manifest(tmp_path, format=2, software="9.1", something="new")
    for opened in (lambda: run(tmp_path), lambda: Archive.existing(tmp_path)):
        with pytest.raises(InputError, match=r"newer version of anomalymatch-ui \(9.1\). Update"):
            opened()


@pytest.mark.parametrize("content", ["{", '{"format": 1}', '{"format": 1, "model": 3}', "\x00"])
def test_a_damaged_manifest_says_so_and_a_restart_mends_it(content: str, tmp_path: Path) -> None:
    run(tmp_path)
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(DamagedStoreError, match="--restart"):
        run(tmp_path)
    assert run(tmp_path, restart=True).written == 10


def test_a_folder_of_other_things_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for restart in (False, True):
        with pytest.raises(InputError, match=r"thesis.tex .* new folder"):
            run(tmp_path, restart=restart)
    session = tmp_path / "session"
    session.mkdir()
    (session / "manifest.json").write_text('{"model": "a"}')
    for restart in (False, True):
        with pytest.raises(InputError, match="something else"):
            run(session, restart=restart)
    assert (session / "manifest.json").exists()
    with pytest.raises(InputError, match="is a file"):
        run(tmp_path / "thesis.tex")


def test_a_restart_leaves_what_is_not_of_the_archive(tmp_path: Path) -> None:
    run(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".draft.tmp").write_text("mine")
    run(tmp_path, restart=True)
    assert (tmp_path / "notes.txt").exists()
    assert (tmp_path / ".draft.tmp").exists()


def test_what_a_killed_run_left_half_written_is_swept_up(tmp_path: Path) -> None:
    run(tmp_path)
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    left = [
        tmp_path / f".shard-0000003.parquet.{ended.pid}-0.tmp",
        tmp_path / f".sorting.{ended.pid}-0.tmp" / "spilled",
    ]
    somebody_sorts = tmp_path / f".sorting.{os.getpid()}-777777777.tmp"
    somebody_sorts.mkdir()
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    run(tmp_path)
    assert not any(path.exists() for path in left)
    assert somebody_sorts.exists()


def test_an_id_that_is_there_twice_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    pool = names([*IDS, IDS[17]])
    with pytest.raises(InputError, match="The id survey/017.jpg is there twice"):
        run(tmp_path / "scores", pool=pool)
    assert not (tmp_path / "scores").exists()


@given(st.lists(st.text(max_size=3), max_size=40))
def test_ids_are_refused_exactly_when_one_is_there_twice(ids: list[str]) -> None:
    if len(set(ids)) == len(ids):
        check_ids(names(ids))
    else:
        with pytest.raises(InputError, match="twice"):
            check_ids(names(ids))
