from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet as parquet
import pytest
import torch
from archive_runs import CPU, IDS, NETWORK, contents, run
from checkpoints import make_network
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scoring import NUMBER_FORMATS, Interrupted, QuickEngine, may_differ_by, names
from threadpoolctl import threadpool_limits

from anomalymatch_ui import __version__
from anomalymatch_ui.config import NumberFormat, ScoreConfig
from anomalymatch_ui.errors import InputError, StorageError, StoreBusyError
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.score import Archive, DamagedStoreError, LocalEngine, score_archive
from anomalymatch_ui.score.locking import one_writer
from anomalymatch_ui.score.manifest import read_manifest, usual_shard_size
from anomalymatch_ui.score.shards import Shard, encode_shard, read_embedding

Damage = Callable[[Path], Any]


def test_each_readable_image_has_one_row_in_the_pool_s_order(tmp_path: Path) -> None:
    outcome = run(tmp_path)
    assert (outcome.scored, outcome.unreadable, outcome.written, outcome.damaged) == (88, 7, 10, 0)
    tables = [parquet.read_table(path) for path in sorted(tmp_path.glob("shard-*.parquet"))]
    ids = [image_id for table in tables for image_id in table["id"].to_pylist()]
    assert ids == [image_id for index, image_id in enumerate(IDS) if index % 13 != 12]
    assert tables[0].schema.names == ["id", "score"]
    assert str(tables[0].schema.field("score").type) == "float"


def test_an_embedding_is_a_third_column_of_half_precision_numbers(tmp_path: Path) -> None:
    run(tmp_path, components=8)
    table = parquet.read_table(tmp_path / "shard-0000000.parquet")
    assert table.schema.names == ["id", "score", "embedding"]
    assert str(table.schema.field("embedding").type) == "fixed_size_list<element: halffloat>[8]"
    shard = Archive.existing(tmp_path).read(0)
    assert shard.embedding is not None
    assert shard.embedding.dtype == np.float16
    np.testing.assert_array_equal(shard.embedding[3], table["embedding"][3].as_py())


def test_an_embedding_keeps_each_row_in_its_place_and_a_file_that_lacks_one_is_damaged(
    tmp_path: Path,
) -> None:
    embedding = np.arange(12, dtype=np.float16).reshape(4, 3)
    embedding[1], embedding[2, 0] = np.nan, np.inf  # no null is written for what is no number
    shard = Shard(["a", "b", "c", "d"], np.full(4, 0.5, np.float32), embedding)
    path = tmp_path / "shard.parquet"
    path.write_bytes(encode_shard(shard, "owner", 0).content)
    np.testing.assert_array_equal(read_embedding(path), embedding)
    table = parquet.read_table(path)
    one = np.float16(1)  # pyarrow 17 takes no others for float16
    for missing in ([[one] * 3, None, [one] * 3, [one] * 3], [[one, None, one], *[[one] * 3] * 3]):
        column = pyarrow.array(missing, table.schema.field("embedding").type)
        try:
            parquet.write_table(table.set_column(2, "embedding", column), path)
        except pyarrow.ArrowNotImplementedError:
            continue  # earlier versions write no list that is missing as a whole
        with pytest.raises(DamagedStoreError):
            read_embedding(path)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


def swap_with_another(path: Path) -> None:
    other = path.with_name("shard-0000009.parquet" if "0009" not in path.name else "shard-0000000.parquet")
    if other.exists():
        shutil.copy(other, path)
    else:
        path.unlink()


def rewrite_by_hand(path: Path) -> None:
    """A valid Parquet file with one other score, and all that the old one said of itself."""
    with parquet.ParquetFile(path) as file:
        table, told = file.read(), file.metadata.metadata
    scores = table["score"].to_numpy().copy()
    scores[0] += np.float32(0.25)
    changed = table.set_column(1, table.schema.field("score"), [scores])
    with parquet.ParquetWriter(path, changed.schema) as writer:
        writer.write_table(changed)
        writer.add_key_value_metadata({"anomalymatch": told[b"anomalymatch"].decode()})


DAMAGES: list[Damage] = [
    Path.unlink, cut_off, flip_a_bit, swap_with_another, rewrite_by_hand, lambda path: path.write_bytes(b"")
]  # fmt: skip
interruptions = st.lists(
    st.tuples(
        st.integers(0, 10), st.lists(st.tuples(st.integers(0, 9), st.sampled_from(DAMAGES)), max_size=3)
    ),
    max_size=4,
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    run(folder, components=4)
    return contents(folder)


def is_whole(folder: Path, whole: dict[str, bytes], name: str) -> bool:
    path = folder / name
    return path.exists() and path.read_bytes() == whole[name]


@given(history=interruptions)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_a_run_is_interrupted_and_shards_are_damaged_the_end_is_the_same(
    history: list[tuple[int, list[tuple[int, Damage]]]],
    whole: dict[str, bytes],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("interrupted")
    intact: set[int] = set()
    for shards, damages in history:
        engine = QuickEngine(IDS, stop_after=shards)
        try:
            run(folder, engine, components=4)
        except Interrupted:
            assert len(engine.computed) == shards
        assert intact.isdisjoint(engine.computed)  # what is whole is not scored again
        for number, damage in damages:
            path = folder / f"shard-{number:07d}.parquet"
            if is_whole(folder, whole, path.name):  # else there is nothing left to damage
                damage(path)
        intact = {number for number in range(10) if is_whole(folder, whole, f"shard-{number:07d}.parquet")}
    engine = QuickEngine(IDS)
    run(folder, engine, components=4)
    assert sorted(engine.computed) == sorted(set(range(10)) - intact)
    assert contents(folder) == whole


def test_a_damaged_shard_is_found_told_and_made_anew(tmp_path: Path) -> None:
    run(tmp_path)
    before = contents(tmp_path)
    flip_a_bit(tmp_path / "shard-0000004.parquet")
    outcome = run(tmp_path)
    assert (outcome.damaged, outcome.written, outcome.scored) == (1, 1, 88)
    assert contents(tmp_path) == before
    cut_off(tmp_path / "shard-0000004.parquet")
    with pytest.raises(DamagedStoreError, match=r"shard-0000004.parquet are damaged. Run the"):
        Archive.existing(tmp_path).read(4)


def test_damaged_components_are_measured_again_and_the_shards_stay(tmp_path: Path) -> None:
    run(tmp_path, components=4)
    before = contents(tmp_path)
    for damage in (cut_off, Path.unlink):
        damage(tmp_path / "components.safetensors")
        assert run(tmp_path, components=4).written == 0
        assert contents(tmp_path) == before


def test_a_second_run_is_told_who_writes(tmp_path: Path) -> None:
    with (
        one_writer(tmp_path / "run.lock"),
        pytest.raises(StoreBusyError, match=r"Another run .*process \d+"),
    ):
        run(tmp_path)
    run(tmp_path)


@pytest.mark.parametrize("images", [3000, 6000])  # the shards fit, and their sorting does not; or neither
def test_a_full_disk_ends_in_a_sentence_with_nothing_half_written(
    images: int, full_disk: Path, tmp_path: Path
) -> None:
    if not full_disk.is_mount():
        pytest.skip("only root can make a small disk")
    ids = [f"{number:05d}-{'x' * 40}" for number in range(images)]
    folder = full_disk / "scores"
    asked: dict[str, Any] = {"pool": names(ids), "shard_size": 100, "components": 32}
    with pytest.raises(StorageError, match=r"Cannot write .*Free some space"):
        run(folder, QuickEngine(ids), **asked)
    written = len(list(folder.glob("shard-*")))
    assert 0 < written <= images // 100
    assert not [path for path in folder.iterdir() if path.name.endswith(".tmp")]
    assert not (folder / "by-id.parquet").exists()
    shutil.copytree(folder, tmp_path / "larger")
    engine = QuickEngine(ids)
    assert run(tmp_path / "larger", engine, **asked).damaged == 0
    assert engine.computed == list(range(written, images // 100))


def test_a_shard_that_does_not_fit_onto_the_disk_is_not_there(full_disk: Path) -> None:
    ids = [f"{number:05d}" for number in range(4000)]
    with pytest.raises(StorageError, match=r"Cannot write .*shard-0000000.parquet: .*Free some space"):
        run(full_disk, QuickEngine(ids), pool=names(ids), shard_size=4000, components=64)
    assert {path.name for path in full_disk.iterdir()} == {
        "manifest.json",
        "run.lock",
        "components.safetensors",
    }


def test_an_unfinished_archive_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run(tmp_path, QuickEngine(IDS, stop_after=4))
    with pytest.raises(InputError, match="4 of 10 shards are there"):
        Archive.existing(tmp_path)
    with pytest.raises(InputError, match="holds no scores"):
        Archive.existing(tmp_path / "missing")


def test_the_usual_archive_has_about_a_thousand_shards_of_whole_batches() -> None:
    for images in (1, 60_000, 4_000_000, 100_000_000):
        size = usual_shard_size(images, 96)
        assert size % 96 == 0
        assert 4_096 <= size < 65_536 + 96
        assert -(-images // size) <= 1_600


@pytest.mark.parametrize("number_format", NUMBER_FORMATS)
def test_the_local_engine_gives_the_same_bytes_at_any_number_of_readers_and_wherever_it_starts(
    number_format: NumberFormat, pool_folder: Path, tmp_path: Path
) -> None:
    (pool_folder / "0019.jpg").write_bytes(b"not an image")
    pool = open_pool(pool_folder)
    stores = []
    for name, workers in (("one", 1), ("three", 3)):
        config = ScoreConfig(batch_size=8, workers=workers, number_format=number_format)
        engine = LocalEngine(pool, NETWORK, config, CPU)
        with threadpool_limits(workers, "blas"):
            outcome = score_archive(
                pool, NETWORK, tmp_path / name, engine, config, shard_size=20, components=16
            )
        assert (outcome.scored, outcome.unreadable) == (59, 1)
        stores.append(contents(tmp_path / name))
    assert stores[0] == stores[1]
    for number in (0, 2):
        (tmp_path / "one" / f"shard-{number:07d}.parquet").unlink()
    engine = LocalEngine(pool, NETWORK, config, CPU)
    score_archive(pool, NETWORK, tmp_path / "one", engine, config, shard_size=20, components=16)
    assert contents(tmp_path / "one") == stores[1]
    archive = Archive.existing(tmp_path / "one")
    assert list(archive.read(0).unreadable) == ["0019.jpg"]
    assert archive.read(0).unreadable["0019.jpg"] == pool.report.unreadable["0019.jpg"]
    scored = np.concatenate([archive.read(number).scores for number in range(3)])
    pixels = torch.from_numpy(pool.read([i for i in range(60) if i != 19], 32).pixels).float() / 255
    with torch.inference_mode():
        logits, features = NETWORK.eval().forward_with_features(pixels)
    expected = torch.softmax(logits, dim=1)[:, 1].numpy()
    assert (np.abs(scored - expected) < may_differ_by(NETWORK, features, number_format)).all()
    assert archive.manifest.dtype == number_format


def test_a_model_whose_training_diverged_is_refused(pool_folder: Path, tmp_path: Path) -> None:
    broken = make_network()
    torch.nn.init.constant_(broken.head.weight, float("nan"))
    pool, config = open_pool(pool_folder), ScoreConfig(batch_size=8)
    engine = LocalEngine(pool, broken, config, CPU)
    with pytest.raises(InputError, match=r"no number for 0000.jpg.*another cycle"):
        score_archive(pool, broken, tmp_path / "scores", engine, config, shard_size=20)
    assert not list((tmp_path / "scores").glob("*shard*"))


def test_the_manifest_says_what_the_scores_depend_on(tmp_path: Path) -> None:
    run(tmp_path)
    told = json.loads((tmp_path / "manifest.json").read_text())
    assert told["format"] == 1
    assert told["software"] == __version__
    assert (told["images"], told["shard_size"], told["image_size"]) == (95, 10, 32)
    assert (told["device"], told["dtype"], told["symmetry"], told["components"]) == (
        "cpu",
        "float32",
        "none",
        0,
    )
    assert read_manifest(tmp_path / "manifest.json").shard_count == 10


def test_a_pass_of_low_priority_leaves_the_processors_to_others() -> None:
    code = "import os; from anomalymatch_ui.score.priority import be_patient; be_patient(); print(os.nice(0))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "19"
