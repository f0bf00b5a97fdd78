from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr
from PIL import Image
from zarr.dtype import VariableLengthBytes

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels.square import square
from anomalymatch_ui.pool import Fetched, UnreadableImageError, open_pool
from anomalymatch_ui.pool.ids import StoredIds

ROWS = 50


def pictures(rows: int = ROWS, size: int = 16) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (rows, size, size, 3), np.uint8)


def write_store(
    path: Path,
    images: np.ndarray,
    ids: np.ndarray | list[str] | None = None,
    *,
    version: int = 3,
    **options: object,
) -> Path:
    group = zarr.open_group(path, mode="w", zarr_format=version)
    chunks = (10, *images.shape[1:])
    group.create_array("images", shape=images.shape, dtype=images.dtype, chunks=chunks, **options)[:] = images
    if ids is not None:
        array = np.asarray(ids, dtype=object) if isinstance(ids, list) else ids
        dtype = str if isinstance(ids, list) else ids.dtype
        group.create_array("ids", shape=array.shape, dtype=dtype, chunks=(10,))[:] = array
    return path


@pytest.mark.parametrize("version", [2, 3])
def test_rows_are_read_in_the_order_asked_for_and_as_often(tmp_path: Path, version: int) -> None:
    images = pictures()
    pool = open_pool(write_store(tmp_path / "survey.zarr", images, version=version))
    assert (len(pool), pool.name, pool.ids[7], pool.index("49")) == (ROWS, "survey", "7", 49)
    asked = [49, 3, 3, 12, 11, 0]
    batch = pool.read(asked, 16)
    assert batch.indices.tolist() == asked
    np.testing.assert_array_equal(batch.pixels, images[asked].transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(pool.image(30), images[30])


def test_a_store_that_is_one_array_is_a_pool(tmp_path: Path) -> None:
    images = pictures()
    zarr.create_array(tmp_path / "images", data=images)
    pool = open_pool(tmp_path / "images")
    np.testing.assert_array_equal(pool.read(range(ROWS), 16).pixels, images.transpose(0, 3, 1, 2))


def test_images_of_another_size_are_cut_and_scaled_as_those_of_a_folder(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 20, 30, 3), np.uint8)
    pool = open_pool(write_store(tmp_path / "survey.zarr", images))
    expected = np.stack([square(Image.fromarray(image), 16) for image in images])
    np.testing.assert_array_equal(pool.read(range(3), 16).pixels, expected)


def test_fetched_rows_are_as_they_lie_in_the_store(tmp_path: Path) -> None:
    images = pictures()
    pool = open_pool(write_store(tmp_path / "survey.zarr", images))
    fetched = pool.fetch(range(10, 20))
    assert isinstance(fetched, Fetched)
    np.testing.assert_array_equal(fetched.contents, images[10:20])
    np.testing.assert_array_equal(pool.fetch([4, 2, 4]).contents, images[[4, 2, 4]])
    assert pool.block_images % 10 == 0  # whole chunks


@pytest.mark.parametrize(
    "ids",
    [
        [f"galaxy {number} ☉" for number in range(ROWS)],
        np.array([f"galaxy {number}" for number in range(ROWS)], "S12"),
        np.arange(1000, 1000 + ROWS),
    ],
    ids=["text", "bytes", "integers"],
)
@pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
def test_ids_are_those_of_the_store(tmp_path: Path, ids: np.ndarray | list[str]) -> None:
    pool = open_pool(write_store(tmp_path / "survey.zarr", pictures(), ids))
    expected = [value.decode() if isinstance(value, bytes) else str(value) for value in list(ids)]
    assert list(pool.ids) == expected
    assert pool.ids[-1] == expected[-1]
    assert list(pool.ids[3:6]) == expected[3:6]
    assert [pool.index(image_id) for image_id in expected] == list(range(ROWS))
    assert expected[5] in pool
    assert "another" not in pool
    with pytest.raises(KeyError):
        pool.index("another")


def test_stores_of_other_images_or_ids_have_another_digest(tmp_path: Path) -> None:
    images, ids = pictures(), [f"g{number}" for number in range(ROWS)]
    first = open_pool(write_store(tmp_path / "a.zarr", images, ids)).digest
    assert open_pool(write_store(tmp_path / "b.zarr", images, ids)).digest == first
    assert open_pool(write_store(tmp_path / "c.zarr", images, ids[::-1])).digest != first
    assert open_pool(write_store(tmp_path / "d.zarr", images)).digest != first
    assert open_pool(write_store(tmp_path / "e.zarr", 255 - images, ids)).digest != first


def test_rows_of_a_damaged_chunk_are_left_out_and_reported(tmp_path: Path) -> None:
    path = write_store(tmp_path / "survey.zarr", pictures())
    pool = open_pool(path)
    (path / "images" / "c" / "2" / "0" / "0" / "0").write_bytes(b"junk")
    batch = pool.read(range(15, 35), 16)
    assert batch.indices.tolist() == [15, 16, 17, 18, 19, 30, 31, 32, 33, 34]
    np.testing.assert_array_equal(batch.pixels, pictures()[batch.indices].transpose(0, 3, 1, 2))
    assert pool.fetch(range(15, 35)).indices.tolist() == batch.indices.tolist()
    assert sorted(pool.report.unreadable) == [str(row) for row in range(20, 30)]
    with pytest.raises(UnreadableImageError, match="25 cannot be read"):
        pool.image(25)


def test_a_closed_pool_refuses_to_read(tmp_path: Path) -> None:
    pool = open_pool(write_store(tmp_path / "survey.zarr", pictures()))
    pool.close()
    with pytest.raises(ValueError, match="closed"):
        pool.read([0], 16)


def _nothing(path: Path) -> None:
    path.mkdir()


def _no_images(path: Path) -> None:
    zarr.open_group(path, mode="w").create_array("spectra", shape=(3,), dtype="f4")


def _complex(path: Path) -> None:
    write_store(path, pictures().astype(np.complex64))


def _cubes(path: Path) -> None:
    write_store(path, np.zeros((2, 32, 32, 32), np.uint8))


def _no_rows(path: Path) -> None:
    zarr.open_group(path, mode="w").create_array(
        "images", shape=(0, 8, 8, 3), dtype="u1", chunks=(1, 8, 8, 3)
    )


def _too_few_ids(path: Path) -> None:
    write_store(path, pictures(), ["a", "b"])


def _ids_twice(path: Path) -> None:
    write_store(path, pictures(), [f"g{number % 49}" for number in range(ROWS)])


def _empty_id(path: Path) -> None:
    write_store(path, pictures(), ["a", ""] + [f"g{number}" for number in range(ROWS - 2)])


def _real_ids(path: Path) -> None:
    write_store(path, pictures(), np.arange(ROWS) / 2)


def _damaged_metadata(path: Path) -> None:
    write_store(path, pictures())
    (path / "images" / "zarr.json").write_text('{"zarr_format": 3, "node_type": "array"')


def _root_cut_off(path: Path) -> None:
    write_store(path, pictures())
    (path / "zarr.json").write_text("{")


def _all_damaged(path: Path) -> None:
    write_store(path, pictures())
    for chunk in (path / "images" / "c").rglob("0"):
        if chunk.is_file():
            chunk.write_bytes(b"junk")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_nothing, ["Cannot open", "survey.zarr"]),
        (_no_images, ["has no images", "spectra", "(n, height, width, bands)"]),
        (_complex, ["complex64", "no real numbers", "Convert it"]),
        (_cubes, ["(2, 32, 32, 32)", "bands", "Convert it"]),
        (_no_rows, ["no rows"]),
        (_damaged_metadata, ["survey.zarr"]),
        (_root_cut_off, ["Cannot open", "survey.zarr"]),
        (_all_damaged, ["None of the images tried", "damaged"]),
    ],
)
def test_what_is_no_pool_is_refused_in_a_sentence(
    tmp_path: Path, make: Callable[[Path], None], words: list[str]
) -> None:
    path = tmp_path / "survey.zarr"
    make(path)
    with pytest.raises(InputError) as caught:
        open_pool(path)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_too_few_ids, "(2,), but there are 50 images"),
        (_ids_twice, "'g0' twice, in rows 0 and 49"),
        (_empty_id, "no id in row 1"),
        (_real_ids, "float64, not text or integers"),
    ],
)
def test_ids_that_name_no_images_are_passed_over_unless_they_are_asked_for(
    tmp_path: Path, make: Callable[[Path], None], why: str
) -> None:
    path = tmp_path / "survey.zarr"
    make(path)
    pool = open_pool(path)
    assert why in pool.report.sentence()
    assert list(pool.ids[:2]) == ["0", "1"]
    assert np.array_equal(pool.image(7), pictures()[7])
    with pytest.raises(InputError) as caught:
        open_pool(path, ids="ids")
    assert why in str(caught.value)


def test_a_store_moved_away_while_open_gives_no_images(tmp_path: Path) -> None:
    path = write_store(tmp_path / "survey.zarr", pictures() // 2 + 1)
    pool = open_pool(path)
    shutil.rmtree(path)
    assert len(pool.read([0, 1], 16).indices) == 0


def test_ids_are_found_among_many_blocks_and_among_equal_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anomalymatch_ui.pool.ids._BLOCK", 7)
    monkeypatch.setattr("anomalymatch_ui.pool.ids.hash", lambda value: len(value), raising=False)
    names = [f"g{number}" for number in range(40)]
    ids = StoredIds(lambda start, stop: names[start:stop], len(names), "'ids'")
    assert list(ids) == names
    assert [ids.row(name) for name in names] == list(range(40))
    assert ids.row("g4x") is None
    assert "g4x" not in ids


def test_an_id_that_is_there_twice_among_equal_hashes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anomalymatch_ui.pool.ids.hash", lambda value: len(value), raising=False)
    names = ["aa", "bb", "cc", "aa"]
    with pytest.raises(InputError, match="'aa' twice"):
        StoredIds(lambda start, stop: names[start:stop], len(names), "'ids'")


def test_a_chunk_that_was_never_written_is_no_chunk_of_black_images(tmp_path: Path) -> None:
    path = write_store(tmp_path / "survey.zarr", pictures())
    (path / "images" / "c" / "2" / "0" / "0" / "0").unlink()
    pool = open_pool(path)
    assert pool.read(range(15, 35), 16).indices.tolist() == [15, 16, 17, 18, 19, 30, 31, 32, 33, 34]
    assert pool.report.unreadable["25"] == "damaged or never written"


def test_a_black_image_among_others_is_an_image(tmp_path: Path) -> None:
    images = pictures()
    images[4] = 0
    pool = open_pool(write_store(tmp_path / "survey.zarr", images))
    assert pool.read([4], 16).indices.tolist() == [4]


def test_a_store_in_shards_is_read(tmp_path: Path) -> None:
    images = pictures()
    images[4] = 0
    pool = open_pool(write_store(tmp_path / "survey.zarr", images, shards=(20, 16, 16, 3)))
    np.testing.assert_array_equal(pool.fetch(range(ROWS)).contents, images)


@pytest.mark.parametrize("version", [2, 3])
def test_images_encoded_as_png_are_decoded(tmp_path: Path, version: int) -> None:
    images = pictures(6)
    contents = []
    for row in range(5):  # the last one was never written
        file = io.BytesIO()
        Image.fromarray(images[row, : 8 + row]).save(file, "PNG")
        contents.append(file.getvalue())
    contents[2] = contents[2][:100]
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=version)
    encoded = group.create_array("images", shape=(6,), dtype=VariableLengthBytes(), chunks=(2,))
    for row, content in enumerate(contents):
        encoded[row : row + 1] = np.array([content, None], dtype=object)[:1]
    group.create_array("filenames", shape=(6,), dtype=str)[:] = np.array([f"im{row}.png" for row in range(6)])
    pool = open_pool(tmp_path / "a.zarr")
    assert np.array_equal(pool.image(4), images[4, :12])
    assert pool.read(range(6), 16).indices.tolist() == [0, 1, 3, 4]
    assert pool.report.unreadable == {"im2.png": "truncated", "im5.png": "empty"}
    assert pool.digest == open_pool(tmp_path / "a.zarr").digest
