"""Stores that Cutana and images_to_zarr write, and folders with several stores or files."""

from __future__ import annotations

import io
import os
import resource
import tarfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import zarr
from cutana import FIRST_ID, write_batch
from PIL import Image

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import SubsetPool, numbered_rows, open_pool


def cutana_batch(folder: Path, first: int, count: int = 6, *, shift: int = 0) -> Path:
    images = np.random.default_rng(first).gamma(2, 0.1, (count, 32, 32, 2)).astype(np.float32)
    return write_batch(folder, images, FIRST_ID + first + shift, 150.0 + np.arange(count) + first)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of Cutana with three processes."""
    for number, first in enumerate((0, 6, 12)):
        cutana_batch(tmp_path / "run" / f"batch_cutout_process_00{number}_ab", first)
    return tmp_path / "run"


def test_a_run_of_cutana_is_one_pool_with_its_ids_and_positions(run: Path) -> None:
    pool = open_pool(run)
    assert list(pool.ids) == [str(FIRST_ID + row) for row in range(18)]
    assert pool.report.sentence() == ""
    assert pool.columns.positions == ("ra", "dec")
    table = pool.columns.table(["source_id", "ra"])
    assert table["source_id"].to_pylist() == [FIRST_ID + row for row in range(18)]
    assert table["ra"].to_pylist() == [150.0 + row for row in range(6)] + [
        156.0 + row for row in range(6)
    ] + [162.0 + row for row in range(6)]
    assert "float32, 2 bands of 32 x 32" in pool.found["array"]
    assert pool.found["parts"].startswith("3,")


def test_images_of_the_parts_are_those_of_each_part(run: Path) -> None:
    pool = open_pool(run)
    order = [17, 0, 6, 6, 12, 5]
    batch = pool.read(order, 32)
    assert batch.indices.tolist() == order
    fetched = pool.fetch(order)
    for place, index in enumerate(order):
        part = open_pool(run / f"batch_cutout_process_00{index // 6}_ab" / "images.zarr")
        assert part.ids[index % 6] == pool.ids[index]
        assert np.array_equal(part.image(index % 6), pool.image(index))
        assert np.array_equal(batch.pixels[place].transpose(1, 2, 0), pool.image(index))
        # The network gets the two bands, of which a person sees the redder as red, the other as blue.
        assert np.array_equal(fetched.contents[place], pool.image(index)[..., [0, 2]])


def test_native_values_of_the_parts_are_those_of_each_part(run: Path) -> None:
    pool = open_pool(run)
    part = open_pool(run / "batch_cutout_process_001_ab" / "images.zarr")
    native = SubsetPool(pool, [pool.ids[8]]).native(0)
    assert native.values.dtype == np.float32
    assert native.bands == part.bands
    assert np.array_equal(native.values, part.native(2).values)


def test_what_a_part_says_of_an_image_is_said_of_it_in_the_whole(tmp_path: Path) -> None:
    (tmp_path / "survey").mkdir()
    for name in "ab":
        pages = [Image.new("L", (8, 8), shade) for shade in (9, 99)]
        buffer = io.BytesIO()
        pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:])
        with tarfile.open(tmp_path / f"survey/{name}.tar", "w") as file:
            member = tarfile.TarInfo("0.tiff")
            member.size = len(buffer.getvalue())
            file.addfile(member, io.BytesIO(buffer.getvalue()))
    pool = open_pool(tmp_path / "survey")
    pool.read([1], 8)
    assert pool.report.remarks == {pool.ids[1]: "the first of its 2 pages is shown"}


def test_of_a_hats_collection_each_object_is_read_once(tmp_path: Path) -> None:
    def write(name: str, first: int) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        images = [np.full((8, 8), first + row, np.float32).tolist() for row in range(3)]
        pd.DataFrame({"object_id": np.arange(3) + first, "image": images}).to_parquet(path)

    write("survey/dataset/Norder=0/Dir=0/Npix=4.parquet", 0)
    write("survey/dataset/Norder=1/Dir=0/Npix=20.parquet", 3)
    write("survey/dataset/data_thumbnail.parquet", 0)
    write("survey_10arcs/dataset/Norder=0/Dir=0/Npix=4.parquet", 0)
    (tmp_path / "survey/hats.properties").write_text("obs_collection=survey\ndataproduct_type=object\n")
    (tmp_path / "survey_10arcs/hats.properties").write_text("dataproduct_type=margin\n")
    pool = open_pool(tmp_path)
    assert list(pool.ids) == [str(number) for number in range(6)]
    assert pool.report.skipped == {
        "survey/dataset/data_thumbnail.parquet": "not one of the partitions of the HATS catalogue",
        "survey_10arcs/": "the margin catalogue of another one, whose objects it repeats",
    }


def test_a_pool_has_more_parts_than_a_program_may_have_files_open_at_first(tmp_path: Path) -> None:
    for number in range(40):
        with h5py.File(tmp_path / f"{number:02}.h5", "w") as file:
            file["images"] = np.full((1, 8, 8, 3), number, np.uint8)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 20, limits[1]))
    try:
        pool = open_pool(tmp_path)
        assert len(pool) == 40
        assert pool.image(39)[0, 0, 0] == 39
        pool.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_ids_that_two_parts_have_in_common_begin_with_the_part(tmp_path: Path) -> None:
    cutana_batch(tmp_path / "run/batch_a", 0)
    cutana_batch(tmp_path / "run/batch_b", 5)
    pool = open_pool(tmp_path / "run")
    assert pool.ids[5] == f"batch_a/{FIRST_ID + 5}"
    assert pool.ids[6] == f"batch_b/{FIRST_ID + 5}"
    assert [pool.index(image_id) for image_id in pool.ids] == list(range(12))
    assert numbered_rows(pool) == ""


def test_a_part_of_other_bands_or_damaged_is_passed_over(run: Path, tmp_path: Path) -> None:
    zarr.open_group(run / "later/images.zarr", mode="w").create_array(
        "images", shape=(4, 32, 32, 5), dtype="f4"
    )[...] = np.random.default_rng(0).random((4, 32, 32, 5))
    (run / "broken/images.zarr").mkdir(parents=True)
    pool = open_pool(run)
    assert len(pool) == 18
    assert "the bands '1', '2', '3', '4', '5' where" in pool.report.skipped["later/images.zarr"]
    assert "Cannot open" in pool.report.skipped["broken/images.zarr"]


def test_a_folder_of_hdf5_parts_is_one_pool(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"healpix={number}").mkdir()
        with h5py.File(tmp_path / f"healpix={number}/001-of-001.hdf5", "w") as file:
            file["image_array"] = np.random.default_rng(number).normal(0, 1, (5, 3, 24, 24)).astype("f4")
            file["image_ivar"] = np.ones((5, 3, 24, 24), "f4")
            file["image_mask"] = np.ones((5, 3, 24, 24), bool)
            file["image_band"] = np.array([[b"des-g", b"des-r", b"des-i"]] * 5)
            file["image_scale"] = np.full((5, 3), 0.263, "f4")
            file["object_id"] = np.arange(5) + FIRST_ID + 5 * number
            file["ra"], file["dec"] = np.arange(5.0), np.arange(5.0)
    pool = open_pool(tmp_path)
    assert list(pool.ids) == [str(FIRST_ID + row) for row in range(15)]
    assert pool.columns["object_id"].to_pylist() == [FIRST_ID + row for row in range(15)]
    assert pool.columns.positions == ("ra", "dec")
    part = open_pool(tmp_path / "healpix=0/001-of-001.hdf5")
    assert part.bands.names == ("des-g", "des-r", "des-i")
    assert "3 values an image" in part.report.skipped["image_scale"]


def test_parts_with_the_same_bands_in_another_order_are_one_pool(tmp_path: Path) -> None:
    image = np.arange(3 * 8 * 8, dtype=np.float32).reshape(3, 8, 8) % 29
    for name, order in (("a.h5", [0, 1, 2]), ("b.h5", [2, 0, 1])):
        with h5py.File(tmp_path / name, "w") as file:
            file["images"] = np.stack([image[order]] * 4)
            file["images"].attrs["bands"] = ",".join(np.array(["g", "r", "i"])[order])
    pool = open_pool(tmp_path)
    assert len(pool) == 8
    assert np.array_equal(pool.image(0), pool.image(4))
    pool.close()


def test_parts_whose_images_have_numbers_are_guarded_as_rows_are(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["images"] = np.random.default_rng(0).integers(0, 255, (5, 24, 24, 3), np.uint8)
    pool = open_pool(tmp_path)
    assert pool.ids[0] == "a.h5/0"
    assert numbered_rows(pool) == pool.digest


def test_stores_beside_images_are_named(run: Path) -> None:
    Image.new("RGB", (32, 32)).save(run / "a.jpg")
    pool = open_pool(run)
    assert list(pool.ids) == ["a.jpg"]
    assert "batch_cutout_process_000_ab/images.zarr (one of the Zarr stores" in pool.report.sentence()


def converted(folder: Path, **changes: list[object]) -> Path:
    """Write a store as images_to_zarr 0.3.5 does: ``(n, c, h, w)``, an image a chunk, failures as zeros."""
    images = np.random.default_rng(0).integers(1, 256, (5, 3, 32, 32), np.uint8)
    images[0] = 0
    folder.mkdir(parents=True)
    group = zarr.open_group(folder / "images.zarr", mode="w")
    group.create_array("images", shape=images.shape, chunks=(1, *images.shape[1:]), dtype="u1", fill_value=0)[
        :
    ] = images
    names = ["bad.png", *(f"im{number}.png" for number in range(4))]
    table: dict[str, object] = {
        "filename": names,
        "original_filename": names,
        "error": ["cannot identify image file 'bad.png'", None, None, None, None],
        "dtype": "uint8",
        "processed_dtype": [None, "uint8", "uint8", "uint8", "uint8"],
    }
    pd.DataFrame(table | changes).to_parquet(folder / "images_metadata.parquet")
    return folder / "images.zarr"


def test_an_image_that_failed_to_convert_is_unreadable_and_says_why(tmp_path: Path) -> None:
    pool = open_pool(converted(tmp_path / "out"))
    assert pool.read(range(5), 32).indices.tolist() == [1, 2, 3, 4]
    assert pool.report.unreadable == {"bad.png": "cannot identify image file 'bad.png'"}
    assert list(pool.ids)[1] == "im0.png"


def test_a_table_whose_rows_are_of_other_images_gives_no_positions(tmp_path: Path) -> None:
    given = ["im0.png", "bad.png", "im1.png", "im2.png", "im3.png"]
    pool = open_pool(converted(tmp_path / "out", filename=given, ra=[1.0, 2.0, 3.0, 4.0, 5.0]))
    assert list(pool.ids)[:2] == ["bad.png", "im0.png"]
    assert pool.columns.positions is None
    assert "'filename' is 'im0.png' and 'original_filename' 'bad.png'" in pool.report.sentence()


def test_integers_that_were_wrapped_around_are_told(tmp_path: Path) -> None:
    pool = open_pool(converted(tmp_path / "out", dtype=[">i2"] * 5))
    assert ">i2 kept as uint8 (of 4 images; values beyond 255" in pool.report.sentence()


def test_a_table_of_another_length_is_passed_over(tmp_path: Path) -> None:
    store = converted(tmp_path / "out")
    table = tmp_path / "out/images_metadata.parquet"
    pd.read_parquet(table).iloc[:3].to_parquet(table)
    pool = open_pool(store)
    assert list(pool.ids) == ["0", "1", "2", "3", "4"]
    assert "3 rows, but the store has 5 images" in pool.report.sentence()
    with pytest.raises(InputError, match="no column 'filename'"):
        open_pool(store, ids="filename")


@pytest.mark.parametrize(
    "damage", [lambda path: path.write_bytes(b"junk"), lambda path: path.write_bytes(b"")]
)
def test_a_damaged_table_is_passed_over(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    store = converted(tmp_path / "out")
    damage(tmp_path / "out/images_metadata.parquet")
    assert "cannot be read" in open_pool(store).report.sentence()


def test_ids_are_taken_from_the_column_asked_for(tmp_path: Path) -> None:
    store = converted(tmp_path / "out", field=[5, 6, 7, 8, 9])
    pool = open_pool(store, ids="field")
    assert list(pool.ids) == ["5", "6", "7", "8", "9"]
    assert pool.pixels.ids == "field"
    with pytest.raises(InputError, match="no column 'fields'"):
        open_pool(store, ids="fields")


def test_some_images_of_a_pool_have_their_rows_of_its_columns(run: Path) -> None:
    pool = open_pool(run)
    some = SubsetPool(pool, [str(FIRST_ID + 17), str(FIRST_ID + 2)])
    assert some.columns["source_id"].to_pylist() == [FIRST_ID + 2, FIRST_ID + 17]
