"""What was never written, or has gone, is no black image: neither in HDF5 nor in Zarr."""

from __future__ import annotations

from pathlib import Path

import h5py
import numcodecs
import numpy as np
import psutil
import pytest
import zarr
from zarr.codecs import BloscCodec

from anomalymatch_ui.pool import ImagePool, open_pool

GREY = np.full((24, 32, 32, 3), 90, np.uint8)


def unreadable(pool: ImagePool) -> list[int]:
    """Return the indices of the images that cannot be read, all others being grey."""
    batch = pool.read(range(len(pool)), 32)
    assert (batch.pixels == 90).all()
    assert sorted(pool.report.unreadable) == sorted(
        pool.ids[row] for row in set(range(len(pool))) - set(batch.indices.tolist())
    )
    return sorted(set(range(len(pool))) - set(batch.indices.tolist()))


@pytest.mark.parametrize("fill", [0, 255, 90])
@pytest.mark.parametrize("chunks", [(4, 32, 32, 3), (4, 16, 16, 3), (5, 32, 32, 1), (1, 32, 32, 3)])
def test_chunks_of_hdf5_that_were_never_written(tmp_path: Path, chunks: tuple[int, ...], fill: int) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        images = file.create_dataset("images", GREY.shape, np.uint8, chunks=chunks, fillvalue=fill)
        images[:10] = GREY[:10]
        images[15:] = GREY[15:]
    first = -(-10 // chunks[0]) * chunks[0]  # a chunk that is written in part is there
    last = 15 // chunks[0] * chunks[0]
    pool = open_pool(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        partly = [row for row in range(10, 15) if row not in range(first, last)]
        assert fill == 90 or all((file["images"][row] == fill).all() for row in partly)
    lost = sorted(set(range(24)) - set(pool.read(range(24), 32).indices.tolist()))
    assert lost == list(range(first, last))
    assert {pool.report.unreadable[str(row)] for row in lost} <= {"never written"}


def test_a_tile_of_an_image_that_was_never_written_spoils_the_image(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        images = file.create_dataset("images", GREY.shape, np.uint8, chunks=(1, 16, 16, 3))
        images[...] = GREY
        images[3] = 0
    with h5py.File(tmp_path / "b.h5", "w") as file:
        images = file.create_dataset("images", GREY.shape, np.uint8, chunks=(1, 16, 16, 3))
        images[:23] = GREY[:23]
        images[23, :, :16] = GREY[23, :, :16]
    black = open_pool(tmp_path / "a.h5").read(range(24), 32)
    assert black.indices.tolist() == list(range(24))
    assert unreadable(open_pool(tmp_path / "b.h5")) == [23]


def test_a_dataset_of_which_nothing_was_written_by_far(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        images = file.create_dataset(
            "images", GREY.shape, np.float32, chunks=(4, 32, 32, 3), fillvalue=np.nan
        )
        images[:4] = 1 + np.random.default_rng(0).random((4, 32, 32, 3))
    pool = open_pool(tmp_path / "a.h5")
    assert pool.read(range(24), 32).indices.tolist() == [0, 1, 2, 3]


def _virtual(folder: Path, sources: dict[str, slice], whole: tuple[int, ...] = GREY.shape) -> Path:
    layout = h5py.VirtualLayout(whole, np.uint8)
    for name, rows in sources.items():
        shape = (rows.stop - rows.start, *whole[1:])
        layout[rows] = h5py.VirtualSource(name, "images", shape)
    with h5py.File(folder / "all.h5", "w") as file:
        file.create_virtual_dataset("images", layout, fillvalue=0)
    return folder / "all.h5"


def test_rows_of_a_virtual_source_that_has_gone_or_never_was(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "here.part", "w") as file:
        file["images"] = GREY[:12]
    pool = open_pool(_virtual(tmp_path, {"here.part": slice(0, 12), "gone.part": slice(12, 20)}))
    assert unreadable(pool) == list(range(12, 24))
    assert pool.report.unreadable["12"] == "its source gone.part is not there"
    assert pool.report.unreadable["20"] == "never written"


def test_rows_that_a_virtual_source_itself_never_wrote(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "half.part", "w") as file:
        images = file.create_dataset("images", (12, 32, 32, 3), np.uint8, chunks=(4, 32, 32, 3))
        images[:8] = GREY[:8]
    with h5py.File(tmp_path / "black.part", "w") as file:
        file["images"] = GREY[:12]
    pool = open_pool(_virtual(tmp_path, {"black.part": slice(0, 12), "half.part": slice(12, 24)}))
    assert unreadable(pool) == [20, 21, 22, 23]


def test_a_pool_that_is_closed_leaves_no_virtual_source_open(tmp_path: Path) -> None:
    for name in ("a.part", "b.part"):
        with h5py.File(tmp_path / name, "w") as file:
            file.create_dataset("images", data=GREY[:12], chunks=(4, 32, 32, 3))

    def open_here() -> list[str]:
        files = psutil.Process().open_files()
        return sorted(Path(file.path).name for file in files if file.path.startswith(str(tmp_path)))

    pool = open_pool(_virtual(tmp_path, {"a.part": slice(0, 12), "b.part": slice(12, 24)}))
    assert unreadable(pool) == []
    assert "b.part" in open_here()
    pool.close()
    assert open_here() == []


def test_a_band_whose_virtual_source_has_gone(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "g.part", "w") as file:
        file["images"] = GREY[..., 0]
    layout = h5py.VirtualLayout((24, 32, 32, 2), np.uint8)
    layout[..., 0] = h5py.VirtualSource("g.part", "images", (24, 32, 32))
    layout[4:, :, :, 1] = h5py.VirtualSource("g.part", "images", (24, 32, 32))[4:]
    with h5py.File(tmp_path / "all.h5", "w") as file:
        file.create_virtual_dataset("images", layout, fillvalue=0)
    pool = open_pool(tmp_path / "all.h5")
    assert pool.read(range(24), 32).indices.tolist() == list(range(4, 24))


def zarr_store(path: Path, chunks: tuple[int, ...], fill: float, version: int = 3, **options: object) -> Path:
    group = zarr.open_group(path, mode="w", zarr_format=version)  # type: ignore[arg-type]
    array = group.create_array(
        "images", shape=GREY.shape, dtype="u1", chunks=chunks, fill_value=fill, **options
    )
    array[...] = GREY
    return path


@pytest.mark.parametrize("fill", [0, 255])
@pytest.mark.parametrize("cell", [(2, 0, 0, 0), (2, 0, 1, 0), (2, 1, 1, 0)])
@pytest.mark.parametrize("version", [2, 3])
def test_files_of_a_zarr_store_that_have_gone(
    tmp_path: Path, version: int, cell: tuple[int, ...], fill: int
) -> None:
    path = zarr_store(tmp_path / "a.zarr", (4, 16, 16, 3), fill, version)
    key = "/".join(("c", *map(str, cell))) if version == 3 else ".".join(map(str, cell))
    (path / "images" / key).unlink()
    assert unreadable(open_pool(path)) == [8, 9, 10, 11]


@pytest.mark.parametrize(("cname", "shuffle"), [("lz4", "shuffle"), ("zstd", "bitshuffle")])
@pytest.mark.parametrize("version", [2, 3])
def test_chunks_of_blosc_that_are_cut_off(tmp_path: Path, version: int, cname: str, shuffle: str) -> None:
    """Of a chunk that lacks its last byte, numcodecs unpacks a wrong image."""
    if version == 2:
        packed = numcodecs.Blosc(cname, shuffle=getattr(numcodecs.Blosc, shuffle.upper()))
    else:
        packed = BloscCodec(cname=cname, shuffle=shuffle)
    images = np.random.default_rng(0).integers(1, 250, (24, 24, 24, 3)).astype(np.float32)
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=version)
    array = group.create_array(
        "images", shape=images.shape, dtype="f4", chunks=(4, 24, 24, 3), compressors=packed
    )
    array[...] = images
    whole = open_pool(tmp_path / "a.zarr").read(range(24), 24).pixels
    for number, left in ((1, 1), (2, 0), (3, -1), (4, 20), (5, -2000)):
        name = f"c/{number}/0/0/0" if version == 3 else f"{number}.0.0.0"
        chunk = tmp_path / "a.zarr/images" / name
        chunk.write_bytes(chunk.read_bytes()[:left])
    batch = open_pool(tmp_path / "a.zarr").read(range(24), 24)
    assert batch.indices.tolist() == [0, 1, 2, 3]
    assert np.array_equal(batch.pixels, whole[:4])


def test_shards_that_have_gone(tmp_path: Path) -> None:
    path = zarr_store(tmp_path / "a.zarr", (2, 32, 32, 3), 255, shards=(8, 32, 32, 3))
    (path / "images/c/1/0/0/0").unlink()
    assert unreadable(open_pool(path)) == list(range(8, 16))


def test_an_array_added_after_a_store_was_consolidated_is_found(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    group.create_array("spectra", shape=(3,), dtype="f4")
    zarr.consolidate_metadata(str(tmp_path / "a.zarr"))
    group.create_array("images", shape=GREY.shape, dtype="u1", chunks=GREY.shape)[...] = GREY
    assert len(open_pool(tmp_path / "a.zarr").read(range(24), 32).indices) == 24
