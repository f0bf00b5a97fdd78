from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import SubsetPool, open_pool


def test_a_subset_reads_the_same_pixels_under_its_own_indices(pool_folder: Path) -> None:
    pool = open_pool(pool_folder)
    subset = SubsetPool(pool, ["0040.jpg", "0007.jpg", "0040.jpg"])
    assert list(subset.ids) == ["0007.jpg", "0040.jpg"]
    batch = subset.read([1, 0], 32)
    assert batch.indices.tolist() == [1, 0]
    np.testing.assert_array_equal(batch.pixels, pool.read([40, 7], 32).pixels)
    np.testing.assert_array_equal(subset.image(1), pool.image(40))
    assert [list(shard) for shard in subset.shards(1)] == [[0], [1]]


def test_a_subset_of_an_hdf5_file_keeps_the_order_of_its_rows(tmp_path: Path) -> None:
    images = np.arange(12, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    with h5py.File(tmp_path / "pool.h5", "w") as file:
        file["images"] = images
    subset = SubsetPool(open_pool(tmp_path / "pool.h5"), ["10", "2", "11"])
    assert list(subset.ids) == ["2", "10", "11"]
    assert subset.read([0, 1, 2], 8).pixels[:, 0, 0, 0].tolist() == [2, 10, 11]
    subset.close()


def test_an_unreadable_image_of_a_subset_is_left_out_and_noted(pool_folder: Path) -> None:
    (pool_folder / "0007.jpg").write_bytes(b"broken")
    subset = SubsetPool(open_pool(pool_folder), ["0006.jpg", "0007.jpg", "0008.jpg"])
    assert subset.read(range(3), 32).indices.tolist() == [0, 2]
    assert list(subset.report.unreadable) == ["0007.jpg"]


@pytest.mark.parametrize(("ids", "sentence"), [(["absent.jpg"], "no image 'absent.jpg'"), ([], "None of")])
def test_a_subset_of_what_is_not_there_is_refused(ids: list[str], sentence: str, pool_folder: Path) -> None:
    with pytest.raises(InputError, match=sentence):
        SubsetPool(open_pool(pool_folder), ids)


def test_images_whose_names_are_numbers_are_found_as_those_with_names_are(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "pool.h5", "w") as file:
        file["images"] = np.zeros((20, 4, 4, 3), np.uint8)
    subset = SubsetPool(open_pool(tmp_path / "pool.h5"), ["11", "3", "7"])
    assert subset.ids == ("3", "7", "11")
    assert [subset.index(name) for name in subset.ids] == [0, 1, 2]
    for missing in ("4", "19", "20", "03", "-1", "x", ""):
        assert missing not in subset
        with pytest.raises(KeyError):
            subset.index(missing)
    assert 3 not in subset
