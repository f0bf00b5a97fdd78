"""What frozen blocks make of images is kept, is never believed when it is damaged, and changes no score."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anomalymatch_ui.config import NetworkConfig, ScoreConfig, Symmetry
from anomalymatch_ui.learn import AnomalyNetwork, build_network, frozen_digest
from anomalymatch_ui.pool import ImagePool, open_pool
from anomalymatch_ui.score import FrozenMaps, Scorer, kept_maps, score_pool
from anomalymatch_ui.score import frozen_maps as maps_module

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
    """Give maps that tell their row."""
    return np.stack([np.full(SHAPE, row + 0.5, FLOAT) for row in rows])


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


@pytest.mark.parametrize("damage", ["cut off", "gone", "sums gone", "sums of another pool", "no sums"])
def test_files_that_are_no_longer_whole_are_no_error(tmp_path: Path, damage: str) -> None:
    maps, rows = opened(tmp_path), np.arange(IMAGES)
    maps.write(rows, values_of(rows))
    maps.close()
    file, sums = tmp_path / "maps.bin", tmp_path / "sums.npy"
    if damage == "cut off":
        os.truncate(file, 3 * 24 + 5)
    elif damage == "gone":
        file.unlink()
    elif damage == "sums gone":
        sums.unlink()
    elif damage == "sums of another pool":
        np.save(sums, np.ones(IMAGES + 1, np.uint64))
    else:
        sums.write_bytes(b"nonsense")
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
    monkeypatch.setattr(maps_module, "LEFT_FREE", 1 << 62)
    with kept_maps(tmp_path / "frozen-a", IMAGES, SHAPE, FLOAT, limit=1e9) as maps:
        assert maps is None


def test_maps_larger_than_the_limit_are_not_kept(tmp_path: Path) -> None:
    with kept_maps(tmp_path / "frozen-a", IMAGES, SHAPE, FLOAT, limit=239) as maps:
        assert maps is None
    assert list(tmp_path.iterdir()) == []
    with kept_maps(tmp_path / "frozen-a", IMAGES, SHAPE, FLOAT, limit=240) as maps:
        assert maps is not None


def test_those_that_were_used_longest_ago_make_room(tmp_path: Path) -> None:
    rows = np.arange(IMAGES)
    for name in "abc":
        with kept_maps(tmp_path / f"frozen-{name}", IMAGES, SHAPE, FLOAT, limit=720) as maps:
            assert maps is not None
            maps.write(rows, values_of(rows))
        os.utime(tmp_path / f"frozen-{name}" / "sums.npy", (ord(name), ord(name)))
    with kept_maps(tmp_path / "frozen-a", IMAGES, SHAPE, FLOAT, limit=720):
        pass  # which is use enough
    (tmp_path / "embedding.npy").touch()
    with kept_maps(tmp_path / "frozen-d", IMAGES, SHAPE, FLOAT, limit=720):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"frozen-a", "frozen-c", "frozen-d", "embedding.npy"}


@pytest.mark.parametrize("symmetry", ["none", "mirror", "square"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_scores_by_kept_maps_are_the_same_to_the_last_bit(
    symmetry: Symmetry,
    dtype: torch.dtype,
    pool: ImagePool,
    network: AnomalyNetwork,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("anomalymatch_ui.score.scorer.inference_dtype", lambda _: dtype)
    scorer = Scorer(network, CPU)

    def score(maps: FrozenMaps | None) -> tuple[np.ndarray, ...]:
        parts = list(
            score_pool(pool, network, CONFIG, device=CPU, symmetry=symmetry, scorer=scorer, maps=maps)
        )
        assert [part.asked.stop for part in parts] == [8, 16, 24, 32, 40, 48, 56, 60]
        columns = [(part.indices, part.scores, part.features) for part in parts]
        return tuple(np.concatenate(column) for column in zip(*columns, strict=True))

    expected = score(None)
    row = scorer.frozen_map(symmetry)
    maps = FrozenMaps(tmp_path / "maps", len(pool), row.shape, row.dtype)
    for _ in range(2):  # the first turn computes, the second reads
        for found, wanted in zip(score(maps), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
    assert (~maps.read(np.arange(60))[0]).nonzero()[0].tolist() == [19]


def test_an_image_that_can_be_read_at_last_is_scored_beside_kept_ones(
    pool: ImagePool, network: AnomalyNetwork, pool_folder: Path, tmp_path: Path
) -> None:
    scorer = Scorer(network, CPU)
    row = scorer.frozen_map("none")
    maps = FrozenMaps(tmp_path / "maps", len(pool), row.shape, row.dtype)

    def indices() -> list[int]:
        parts = score_pool(pool, network, CONFIG, device=CPU, scorer=scorer, maps=maps)
        return np.concatenate([part.indices for part in parts]).tolist()

    assert 19 not in indices()
    (pool_folder / "0019.jpg").write_bytes((pool_folder / "0018.jpg").read_bytes())
    assert indices() == list(range(60))


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
