"""What frozen blocks make of images is kept, is never believed when it is damaged, and changes no score."""

from __future__ import annotations

import os
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import zarr
from hypothesis import given
from hypothesis import strategies as st
from scoring import NUMBER_FORMATS

from anomalymatch_ui.config import NetworkConfig, NumberFormat, ScoreConfig, Symmetry
from anomalymatch_ui.learn import AnomalyNetwork, build_network, frozen_digest
from anomalymatch_ui.pool import ImagePool, open_pool
from anomalymatch_ui.stream import FrozenMaps, ScoredBatch, Scorer, frozen_maps, kept_maps, score_pool

CPU = torch.device("cpu")
CONFIG = ScoreConfig(batch_size=8, workers=2)
NETWORK = NetworkConfig(image_size=32, frozen_blocks=9)
SHAPE, FLOAT = (2, 3), np.dtype(np.float32)
IMAGES = 10


@pytest.fixture
def pool(pool_folder: Path) -> ImagePool:
    (pool_folder / "0019.jpg").write_bytes(b"not an image")
    return open_pool(pool_folder)


@pytest.fixture(scope="module")
def network() -> AnomalyNetwork:
    return build_network(NETWORK, seed=0)


def values_of(rows: np.ndarray) -> np.ndarray:
    """Return maps that tell their row."""
    return np.array([np.full(SHAPE, row + 0.5, FLOAT) for row in rows]).reshape(-1, *SHAPE)


def opened(folder: Path) -> FrozenMaps:
    return FrozenMaps(folder, IMAGES, SHAPE, FLOAT)


def test_what_was_written_is_read_by_the_next_cycle_and_the_rest_is_missing(tmp_path: Path) -> None:
    maps, rows = opened(tmp_path), np.array([7, 2])
    maps.write(rows, values_of(rows))
    maps.close()
    there, known = opened(tmp_path).read(np.arange(IMAGES))
    assert np.flatnonzero(there).tolist() == [2, 7]
    np.testing.assert_array_equal(known, values_of(np.array([2, 7])))


def test_two_processes_that_fill_the_same_maps_lose_nothing_of_each_other(tmp_path: Path) -> None:
    first, second = opened(tmp_path), opened(tmp_path)
    first.write(np.array([1]), values_of(np.array([1])))
    second.write(np.array([2]), values_of(np.array([2])))
    first.close()
    second.close()
    there, known = opened(tmp_path).read(np.array([1, 2]))
    assert there.all()
    np.testing.assert_array_equal(known, values_of(np.array([1, 2])))


@given(data=st.data())
def test_a_row_that_is_damaged_anywhere_is_missing_and_no_other(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("maps")
    maps, rows = opened(folder), np.arange(IMAGES)
    maps.write(rows, values_of(rows))
    maps.close()
    content = bytearray((folder / "maps.bin").read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    (folder / "maps.bin").write_bytes(content)
    there, known = opened(folder).read(rows)
    assert np.flatnonzero(~there).tolist() == [place // (len(content) // IMAGES)]
    np.testing.assert_array_equal(known, values_of(rows[there]))


@given(content=st.binary(max_size=200) | st.binary(min_size=8 * IMAGES, max_size=8 * IMAGES))
def test_sums_that_are_damaged_in_any_way_are_no_error(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("maps")
    maps, rows = opened(folder), np.arange(IMAGES)
    maps.write(rows, values_of(rows))
    maps.close()
    (folder / "sums.bin").write_bytes(content)
    again = opened(folder)
    there, known = again.read(rows)
    np.testing.assert_array_equal(known, values_of(rows[there]))
    again.close()


@pytest.mark.parametrize("damage", ["cut off", "gone", "sums gone", "sums of another pool"])
def test_files_that_are_no_longer_whole_are_no_error(tmp_path: Path, damage: str) -> None:
    maps, rows = opened(tmp_path), np.arange(IMAGES)
    maps.write(rows, values_of(rows))
    maps.close()
    file, sums = tmp_path / "maps.bin", tmp_path / "sums.bin"
    if damage == "cut off":
        os.truncate(file, 3 * 24 + 5)
    elif damage == "gone":
        file.unlink()
    elif damage == "sums gone":
        sums.unlink()
    else:
        sums.write_bytes(np.ones(IMAGES + 1, np.uint64).tobytes())
    again = opened(tmp_path)
    there, _ = again.read(rows)
    assert there.sum() == (3 if damage == "cut off" else 0)
    again.write(rows, values_of(rows))
    assert again.read(rows)[0].all()


def test_a_full_disk_ends_the_keeping_and_nothing_else(full_disk: Path) -> None:
    shape = (64, 1024)  # 256 kB a row
    maps = FrozenMaps(full_disk / "frozen-a", 3, shape, FLOAT)
    maps.write(np.arange(3), np.ones((3, *shape), FLOAT))
    there, known = maps.read(np.arange(3))
    assert not there.all()
    assert (known == 1).all()
    maps.close()


def test_a_disk_that_is_nearly_full_is_left_to_the_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "frozen-old").mkdir()
    monkeypatch.setattr(frozen_maps, "LEFT_FREE", 1 << 62)
    with kept_maps(tmp_path / "frozen-a", IMAGES, SHAPE, FLOAT, limit=1e9) as maps:
        assert maps is None
    assert [path.name for path in tmp_path.iterdir()] == ["frozen-old"]


def test_maps_larger_than_the_limit_are_not_kept_and_former_ones_deleted(tmp_path: Path) -> None:
    with kept_maps(tmp_path / "frozen-a", IMAGES, SHAPE, FLOAT, limit=240) as maps:
        assert maps is not None
    with kept_maps(tmp_path / "frozen-a", IMAGES, SHAPE, FLOAT, limit=239) as maps:
        assert maps is None
    assert list(tmp_path.iterdir()) == []


ROWS, WIDE = 4, (1024,)  # 16 kB of maps, which disks count in whole blocks
LIMIT = 40_000


def fill(folder: Path, hours_ago: float = 0) -> FrozenMaps | None:
    """Keep maps, as at another time."""
    with kept_maps(folder, ROWS, WIDE, FLOAT, limit=LIMIT) as maps:
        if maps is not None:
            maps.write(np.arange(ROWS), np.ones((ROWS, *WIDE), FLOAT))
    then = time.time() - 3600 * hours_ago
    for path in folder.glob("*"):
        os.utime(path, (then, then))
    return maps


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_those_that_were_used_longest_ago_make_room_and_no_more_of_them_than_needed(tmp_path: Path) -> None:
    fill(tmp_path / "frozen-a", hours_ago=30)
    fill(tmp_path / "frozen-b", hours_ago=20)
    (tmp_path / "embedding.npy").touch()
    assert fill(tmp_path / "frozen-c") is not None
    assert names(tmp_path) == {"frozen-b", "frozen-c", "embedding.npy"}


def test_those_that_are_in_use_stay_and_a_newcomer_is_not_kept(tmp_path: Path) -> None:
    fill(tmp_path / "frozen-a", hours_ago=30)
    fill(tmp_path / "frozen-b", hours_ago=0.5)
    with kept_maps(tmp_path / "frozen-a", ROWS, WIDE, FLOAT, limit=LIMIT) as used:
        assert used is not None  # which is use
        assert fill(tmp_path / "frozen-c") is None
        assert names(tmp_path) == {"frozen-a", "frozen-b"}
    assert fill(tmp_path / "frozen-b") is not None


def test_a_process_that_is_killed_loses_half_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen_maps, "SAVE_SECONDS", 0)
    maps, rows = opened(tmp_path), np.arange(3)
    maps.write(rows, values_of(rows))
    assert opened(tmp_path).known(range(IMAGES)) == 3  # though nobody closed it


def test_maps_that_may_only_be_read_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maps, rows = opened(tmp_path), np.arange(3)
    maps.write(rows, values_of(rows))
    maps.close()

    def refuse(*_: object, **__: object) -> None:  # root may write everywhere
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)
    monkeypatch.setattr(Path, "write_bytes", refuse)
    again = opened(tmp_path)
    again.write(np.array([5]), values_of(np.array([5])))
    assert np.flatnonzero(again.read(np.arange(IMAGES))[0]).tolist() == [0, 1, 2]
    again.close()


@pytest.mark.parametrize("symmetry", ["none", "mirror", "square"])
@pytest.mark.parametrize("number_format", NUMBER_FORMATS)
def test_scores_by_kept_maps_are_the_same_to_the_last_bit(
    symmetry: Symmetry,
    number_format: NumberFormat,
    pool_folder: Path,
    network: AnomalyNetwork,
    tmp_path: Path,
) -> None:
    (pool_folder / "0019.jpg").write_bytes(b"not an image")
    for path in sorted(pool_folder.iterdir())[28:]:  # bfloat16 is slow where the processor has none
        path.unlink()
    pool = open_pool(pool_folder)
    scorer = Scorer(network, CPU, number_format=number_format)

    def score(maps: FrozenMaps | None) -> tuple[np.ndarray, ...]:
        parts = list(
            score_pool(pool, network, CONFIG, device=CPU, symmetry=symmetry, scorer=scorer, maps=maps)
        )
        assert [part.asked.stop for part in parts] == [8, 16, 24, 28]
        columns = [(part.indices, part.scores, part.features) for part in parts]
        return tuple(np.concatenate(column) for column in zip(*columns, strict=True))

    expected = score(None)
    maps = FrozenMaps(tmp_path / "maps", len(pool), *scorer.map_layout(symmetry))
    for _ in range(2):  # the first turn computes, the second reads
        for found, wanted in zip(score(maps), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
    assert (~maps.read(np.arange(28))[0]).nonzero()[0].tolist() == [19]


def test_a_head_on_the_middle_gives_the_same_scores_by_kept_maps(pool: ImagePool, tmp_path: Path) -> None:
    middle = build_network(NETWORK.model_copy(update={"reads": "middle"}), seed=0)
    scorer = Scorer(middle, CPU)
    maps = FrozenMaps(tmp_path / "maps", len(pool), *scorer.map_layout("square"))
    scores = []
    for kept in (None, maps, maps):
        parts = score_pool(pool, middle, CONFIG, device=CPU, symmetry="square", scorer=scorer, maps=kept)
        scores.append(np.concatenate([part.scores for part in parts]))
    np.testing.assert_array_equal(scores[1], scores[0])
    np.testing.assert_array_equal(scores[2], scores[0])


SKY = NETWORK.model_copy(update={"image_size": 96})  # a size at which a map's last bits depend on its batch


@pytest.fixture(scope="module")
def sky_scorer() -> Scorer:
    return Scorer(build_network(SKY, seed=0), CPU)


def scored(pool: ImagePool, scorer: Scorer, maps: FrozenMaps | None, **arguments: int) -> ScoredBatch:
    """Return the whole pool, or from ``start`` on, as one batch."""
    parts = list(score_pool(pool, scorer.network, CONFIG, device=CPU, scorer=scorer, maps=maps, **arguments))
    columns = [(part.indices, part.scores, part.features) for part in parts]
    return ScoredBatch(range(60), *(np.concatenate(column) for column in zip(*columns, strict=True)))


def test_an_image_that_can_be_read_at_last_changes_no_other_score(
    pool: ImagePool, sky_scorer: Scorer, pool_folder: Path, tmp_path: Path
) -> None:
    maps = FrozenMaps(tmp_path / "maps", len(pool), *sky_scorer.map_layout("none"))
    assert 19 not in scored(pool, sky_scorer, maps).indices
    (pool_folder / "0019.jpg").write_bytes((pool_folder / "0018.jpg").read_bytes())
    found, wanted = scored(pool, sky_scorer, maps), scored(pool, sky_scorer, None)
    np.testing.assert_array_equal(found.indices, range(60))
    np.testing.assert_array_equal(found.scores, wanted.scores)


def test_a_damaged_row_is_computed_with_its_batch(
    pool: ImagePool, sky_scorer: Scorer, tmp_path: Path
) -> None:
    maps = FrozenMaps(tmp_path / "maps", len(pool), *sky_scorer.map_layout("none"))
    wanted = scored(pool, sky_scorer, maps)
    with (tmp_path / "maps" / "maps.bin").open("r+b") as file:
        file.seek(30 * 6 * 6 * 112 * maps.dtype.itemsize)
        file.write(b"damage")
    np.testing.assert_array_equal(scored(pool, sky_scorer, maps).scores, wanted.scores)
    assert maps.read(np.array([30]))[0].all()


@pytest.mark.parametrize("kind", ["hdf5", "zarr"])
def test_rows_of_arrays_are_kept_too_and_scoring_goes_on_from_any_of_them(
    kind: str, sky_scorer: Scorer, tmp_path: Path
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 40, 40, 3), np.uint8)
    path = tmp_path / f"pool.{kind}"
    if kind == "hdf5":
        with h5py.File(path, "w") as file:
            file.create_dataset("images", data=images, chunks=(7, 40, 40, 3))
    else:
        zarr.open_group(path, mode="w").create_array("images", data=images, chunks=(7, 40, 40, 3))
    pool = open_pool(path)
    maps = FrozenMaps(tmp_path / "maps", len(pool), *sky_scorer.map_layout("none"))
    wanted = scored(pool, sky_scorer, None)
    for start in (32, 0, 16):  # by computing the rest, all, and reading
        found = scored(pool, sky_scorer, maps, start=start)
        np.testing.assert_array_equal(found.indices, range(start, 60))
        np.testing.assert_array_equal(found.scores, wanted.scores[start:])


def test_the_frozen_part_has_a_name_that_training_does_not_change() -> None:
    network = build_network(NETWORK, seed=0)
    name = frozen_digest(network)
    with torch.no_grad():
        network.head.weight.add_(1)
        network.backbone._blocks[9]._project_conv.weight.add_(1)
    assert frozen_digest(network) == name
    with torch.no_grad():
        network.backbone._blocks[8]._project_conv.weight.add_(1)
    assert frozen_digest(network) != name
    assert frozen_digest(build_network(NETWORK.model_copy(update={"image_size": 64}), seed=0)) != name
