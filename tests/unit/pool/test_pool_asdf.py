from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import open_pool

asdf = pytest.importorskip("asdf")


def write(path: Path, tree: dict[str, object], **options: object) -> Path:
    asdf.AsdfFile(tree).write_to(path, **options)
    return path


def roman(seed: int) -> dict[str, object]:
    data = np.random.default_rng(seed).gamma(2, 1, (40, 50)).astype("f4")
    beside = {"err": data / 10, "weight": data, "context": np.ones((1, 40, 50), np.uint32)}
    return {"roman": {"meta": {"instrument": {"optical_element": "F158"}}, "data": data, **beside}}


@pytest.mark.parametrize("compression", [None, "zlib", "lz4"])
def test_an_image_of_roman_is_a_pool_of_one(tmp_path: Path, compression: str | None) -> None:
    pool = open_pool(write(tmp_path / "r001.asdf", roman(0), all_array_compression=compression))
    assert list(pool.ids) == ["r001"]
    assert pool.image(0).shape == (40, 50, 3)
    assert "'roman.data', float32" in pool.found["array"]
    pool.close()
    with pytest.raises(ValueError, match="closed"):
        pool.image(0)


def test_cutouts_in_files_of_their_own_are_one_pool(tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path / f"r00{number}.asdf", roman(number))
    (tmp_path / "broken.asdf").write_bytes(b"#ASDF 1.0.0\nbroken")
    pool = open_pool(tmp_path)
    assert list(pool.ids) == ["r000", "r001", "r002", "r003"]
    assert "Cannot open" in pool.report.skipped["broken.asdf"]
    assert np.array_equal(pool.image(2), open_pool(tmp_path / "r002.asdf").image(0))


def test_the_array_is_chosen_by_its_place(tmp_path: Path) -> None:
    images = {"first": np.eye(20, dtype="f4"), "deep": {"second": np.eye(20, dtype="f4")[::-1].copy()}}
    path = write(tmp_path / "a.asdf", images)
    with pytest.raises(InputError, match="2 images: deep.second, first"):
        open_pool(path)
    assert open_pool(path, array="deep.second").image(0)[0, -1].min() == 255
    with pytest.raises(InputError, match="no image 'third'"):
        open_pool(path, array="third")


@pytest.mark.shared_data
def test_a_file_without_an_image_is_refused_in_a_sentence(shared_data: Path) -> None:
    with pytest.raises(InputError, match="has no image"):
        open_pool(shared_data / "formats/asdf/miri_i2d_gwcs.asdf")
