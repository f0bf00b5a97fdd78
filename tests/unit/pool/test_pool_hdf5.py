from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import UnreadableImageError, open_pool

NOISE = np.random.default_rng(0).integers(0, 256, (50, 24, 24, 3), np.uint8)


def write(
    path: Path, images: np.ndarray = NOISE, labels: np.ndarray | None = None, **storage: object
) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=images, **storage)
        if labels is not None:
            file.create_dataset("labels", data=labels)
    return path


def damage_chunk(path: Path, row: int) -> None:
    """Overwrite the compressed chunk that holds ``row``."""
    with h5py.File(path, "r") as file:
        images = file["images"]
        chunk = images.id.get_chunk_info_by_coord((row // images.chunks[0] * images.chunks[0], 0, 0, 0))
    with path.open("r+b") as raw:
        raw.seek(chunk.byte_offset)
        raw.write(b"\x00" * chunk.size)


def test_pixels_that_the_multimodal_universe_masks_are_bad(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(5, 1, (4, 3, 8, 8)).astype("f4")
    clean = np.ones(values.shape, bool)
    clean[1, 0, :, :2] = False
    values[~clean] = 1e9
    clean[2] = False
    with h5py.File(tmp_path / "001-of-001.hdf5", "w") as file:
        file["image_array"], file["image_mask"] = values, clean
        file["image_ivar"] = np.ones_like(values)
        file["image_band"] = np.array([[b"g", b"r", b"z"]] * 4)
    pool = open_pool(tmp_path / "001-of-001.hdf5")
    assert pool.bands.names == ("g", "r", "z")
    np.testing.assert_array_equal(pool.native(1).values, np.where(clean[1], values[1], np.nan))
    assert not pool.image(1)[:, :2, 2].any()  # g is shown as blue; the others keep their limits
    assert pool.image(1)[:, 2:, 2].std() > 20
    assert pool.read(range(4), 8).indices.tolist() == [0, 1, 3]
    assert pool.report.unreadable["2"] == "it has no good pixel: all are masked or not a number"
    assert pool.found["beside"] == "'image_ivar' is not used, 'image_mask' marks the bad pixels"


def test_images_that_are_masked_are_others_than_before_though_none_of_those_tried_is(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(5, 1, (40, 8, 8)).astype("f4")
    clean = np.ones(values.shape, bool)
    clean[3] = False  # the digest reads eight rows
    digests = set()
    for name, beside in (("masked", {"image_mask": clean}), ("bare", {})):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            for array, content in {"image_array": values, **beside}.items():
                file[array] = content
        digests.add(open_pool(tmp_path / f"{name}.h5").digest)
    assert len(digests) == 2


def test_a_mask_whose_meaning_is_not_known_is_not_applied_and_that_is_said(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(5, 1, (2, 8, 8)).astype("f4")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"], file["mask"] = values, values > 5
    pool = open_pool(tmp_path / "a.h5")
    np.testing.assert_array_equal(pool.native(0).values[0], values[0])
    assert pool.found["beside"] == "'mask' is not used"


@pytest.mark.parametrize("name", ["galaxies.h5", "galaxies.HDF5"])
def test_an_hdf5_file_is_a_pool_whose_ids_are_row_numbers(tmp_path: Path, name: str) -> None:
    pool = open_pool(write(tmp_path / name))
    assert (len(pool), pool.name) == (50, "galaxies")
    assert list(pool.ids[:3]) == ["0", "1", "2"]
    assert pool.ids[-1] == "49"
    assert "49" in pool.ids
    assert np.array_equal(pool.image(49), NOISE[49])
    assert pool.image(49).flags.writeable


@pytest.mark.parametrize("image_id", ["50", "-1", "01", "1.0", "", " 1", "٣", "²", "1_0", "9" * 5000])
def test_what_is_no_row_number_is_no_id(tmp_path: Path, image_id: str) -> None:
    pool = open_pool(write(tmp_path / "a.h5"))
    assert image_id not in pool
    with pytest.raises(KeyError):
        pool.index(image_id)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 49), max_size=30))
def test_rows_come_in_the_order_asked_for_and_as_often(indices: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pool = open_pool(write(Path(folder, "a.h5"), chunks=(7, 24, 24, 3), compression="gzip"))
        batch = pool.read(indices, 24)
        pool.close()
    assert batch.indices.tolist() == indices
    assert batch.pixels.flags.c_contiguous
    assert np.array_equal(batch.pixels, NOISE[indices].transpose(0, 3, 1, 2))


def test_rows_are_scaled_as_images_of_a_folder_are(tmp_path: Path) -> None:
    from PIL import Image

    wide = np.random.default_rng(1).integers(0, 256, (3, 40, 60, 3), np.uint8)
    for row, pixels in enumerate(wide):
        Image.fromarray(pixels).save(tmp_path / f"{row}.png")
    rows = open_pool(write(tmp_path / "a.h5", wide))
    files = open_pool(tmp_path)
    for size in (16, 40, 64):
        assert np.array_equal(rows.read([0, 1, 2], size).pixels, files.read([0, 1, 2], size).pixels)


def test_images_larger_than_a_block_are_read_one_after_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anomalymatch_ui.pool.arrays._BLOCK_BYTES", 5000)
    order = np.random.default_rng(2).integers(0, 50, 70)
    batch = open_pool(write(tmp_path / "a.h5")).read(order, 24)
    assert np.array_equal(batch.pixels, NOISE[order].transpose(0, 3, 1, 2))


@pytest.mark.parametrize("indices", [[-1], [50], [1.5]])
def test_indices_outside_the_file_are_refused(tmp_path: Path, indices: list[int]) -> None:
    pool = open_pool(write(tmp_path / "a.h5"))
    with pytest.raises(IndexError):
        pool.read(indices, 24)
    with pytest.raises(IndexError):
        pool.image(indices[0])


def test_labels_of_the_file_are_given(tmp_path: Path) -> None:
    labelled = open_pool(write(tmp_path / "a.h5", labels=np.arange(50) % 4))
    assert labelled.columns["labels"].to_pylist() == [row % 4 for row in range(50)]
    assert open_pool(write(tmp_path / "b.h5")).columns.names == ()


def test_the_digest_tells_files_of_the_same_shape_apart(tmp_path: Path) -> None:
    one = open_pool(write(tmp_path / "one.h5"))
    copy = open_pool(write(tmp_path / "copy.h5", compression="gzip"))
    other = open_pool(write(tmp_path / "other.h5", NOISE[::-1]))
    assert one.digest == copy.digest
    assert one.digest != other.digest


def test_rows_of_a_damaged_chunk_are_left_out_and_reported(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", chunks=(10, 24, 24, 3), compression="gzip")
    damage_chunk(path, 23)
    pool = open_pool(path)
    batch = pool.read([31, 25, 2, 25], 24)
    assert batch.indices.tolist() == [31, 2]
    assert np.array_equal(batch.pixels, NOISE[[31, 2]].transpose(0, 3, 1, 2))
    assert pool.report.unreadable["25"] == "damaged"
    assert len(pool.read(range(50), 24).indices) == 40
    assert sorted(pool.report.unreadable) == [str(row) for row in range(20, 30)]
    with pytest.raises(UnreadableImageError, match=r"25 cannot be read \(damaged\)"):
        pool.image(25)


def test_threads_read_one_file_together(tmp_path: Path) -> None:
    pool = open_pool(write(tmp_path / "a.h5", chunks=(7, 24, 24, 3), compression="gzip"))
    orders = [np.random.default_rng(seed).permutation(50) for seed in range(16)]
    with ThreadPoolExecutor(4) as threads:
        for order, batch in zip(orders, threads.map(lambda order: pool.read(order, 24), orders), strict=True):
            assert np.array_equal(batch.pixels, NOISE[order].transpose(0, 3, 1, 2))


def test_a_closed_pool_says_so(tmp_path: Path) -> None:
    pool = open_pool(write(tmp_path / "a.h5"))
    pool.close()
    pool.close()
    with pytest.raises(ValueError, match="closed"):
        pool.read([0], 24)


def _no_images(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["spectra"] = np.zeros(3)


def _images_is_a_group(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_group("images")


def _link_to_nothing(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["images"] = h5py.ExternalLink("gone.h5", "images")


def _never_written(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("images", (50, 24, 24, 3), np.uint8)


def _no_value(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["images"] = h5py.Empty("u1")


def _all_damaged(path: Path) -> None:
    write(path, chunks=(50, 24, 24, 3), compression="gzip")
    damage_chunk(path, 0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_no_images, ["has no images", "holds spectra", "(n, height, width, bands)"]),
        (_images_is_a_group, ["has no images", "holds nothing"]),
        (_link_to_nothing, ["'images'", "a link to gone.h5, which is not there"]),
        (_no_value, ["shape ()", "Convert it"]),
        (
            lambda path: write(path, NOISE.astype(np.complex64)),
            ["complex64", "no real numbers", "Convert it"],
        ),
        (lambda path: write(path, NOISE[:, 0, 0]), ["(50, 3)", "2 axes", "Convert it"]),
        (lambda path: write(path, np.zeros((2, 32, 32, 32), np.uint8)), ["(2, 32, 32, 32)", "bands"]),
        (lambda path: write(path, NOISE[:0]), ["no rows", "Give"]),
        (_never_written, ["None of the images tried", "never written"]),
        (lambda path: path.write_text("no HDF5"), ["as an HDF5 file", "Check"]),
        (lambda path: path.touch(), ["as an HDF5 file", "Check"]),
        (lambda path: path.write_bytes(write(path).read_bytes()[:5000]), ["as an HDF5 file", "cut off"]),
        (_all_damaged, ["None of the images tried", "Fetch it again"]),
    ],
)
def test_a_file_that_cannot_be_used_is_said_in_one_clear_line(
    tmp_path: Path, make: Callable[[Path], object], words: list[str]
) -> None:
    path = tmp_path / "a.h5"
    make(path)
    with pytest.raises(InputError) as caught:
        open_pool(path)
    message = str(caught.value)
    assert "\n" not in message
    for word in [str(path), *words]:
        assert word in message


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 2500), st.integers(0, 255)), max_size=6))
def test_a_file_with_changed_bytes_is_read_or_refused_with_a_sentence(changes: list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder, "a.h5"), NOISE[:3])
        content = bytearray(path.read_bytes())
        for position, value in changes:
            content[position] = value
        path.write_bytes(content)
        refused = ""
        try:
            pool = open_pool(path)
        except InputError as error:
            refused = str(error)
        if refused:
            assert str(path) in refused
            return
        asked = range(min(len(pool), 3))
        assert len(pool.read(asked, 8).indices) + len(pool.report) == len(asked)
        pool.close()


def test_whether_an_id_is_among_millions_is_told_without_a_search(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "large.h5", "w") as file:  # of a terabyte, of which one image is written
        images = file.create_dataset("images", (10**9, 16, 16, 3), np.uint8, chunks=(64, 16, 16, 3))
        images[0] = 90
    pool = open_pool(tmp_path / "large.h5")
    assert all(str(row) in pool for row in range(10**9 - 1000, 10**9))
    assert not any(name in pool.ids for name in (str(10**9), "-1", "01", "none"))
