"""Which array of an HDF5 file is taken for the images, and what stands beside it."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import open_pool

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), np.uint8)


def write(path: Path, **datasets: object) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    return path


def test_galaxy10(tmp_path: Path) -> None:
    ra = np.linspace(0, 1, 6)
    path = write(
        tmp_path / "Galaxy10_DECals.h5", images=IMAGES, ans=np.arange(6) % 3, ra=ra, dec=-ra, redshift=ra
    )
    pool = open_pool(path)
    assert list(pool.ids) == ["0", "1", "2", "3", "4", "5"]
    assert pool.columns.positions == ("ra", "dec")
    assert pool.columns["ans"].to_pylist() == [0, 1, 2, 0, 1, 2]
    assert pool.report.sentence() == ""


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([[1], [0], [2], [1], [0], [0]]), [1, 0, 2, 1, 0, 0]),
        (np.eye(3, dtype="f4")[[1, 0, 2, 1, 0, 0]], [1, 0, 2, 1, 0, 0]),
        (np.array([b"ring", b"", b"ring", b"none", b"", b""]), ["ring", "", "ring", "none", "", ""]),
    ],
    ids=["a column", "one-hot", "bytes"],
)
def test_labels_in_any_shape_are_a_column(tmp_path: Path, labels: np.ndarray, expected: list[object]) -> None:
    pool = open_pool(write(tmp_path / "a.h5", images=IMAGES, labels=labels))
    assert pool.columns["labels"].to_pylist() == expected
    assert pool.report.sentence() == ""


def test_what_stands_beside_the_images_and_cannot_be_used_is_passed_over_and_said(tmp_path: Path) -> None:
    beside = {"labels": np.zeros(7), "ids": ["a"] * 6, "votes": np.ones((6, 4)), "z": np.ones(6) * 1j}
    path = write(tmp_path / "a.h5", images=IMAGES, **beside)
    pool = open_pool(path)
    assert len(pool.read(range(6), 32).indices) == 6
    assert pool.report.skipped["labels"] == "of shape (7,), but there are 6 images"
    assert "'a' twice" in pool.report.skipped["ids"]
    assert pool.report.skipped["votes"] == "4 values an image"
    assert "neither numbers nor text" in pool.report.skipped["z"]
    with pytest.raises(InputError, match="'a' twice"):
        open_pool(path, ids="ids")
    with pytest.raises(InputError, match="of shape"):
        open_pool(path, ids="labels")
    with pytest.raises(InputError, match="no column 'names'"):
        open_pool(path, ids="names")


def test_filenames_name_the_images(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"] = IMAGES
        names = [f"im{row}.jpg" for row in range(6)]
        file.create_dataset("filenames", data=names, dtype=h5py.string_dtype())
    assert list(open_pool(tmp_path / "a.h5").ids) == names


def test_images_encoded_as_jpeg_and_png_are_decoded(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        encoded = file.create_dataset("images", (6,), h5py.vlen_dtype(np.uint8))
        file["filenames"] = [f"im{row}.png".encode() for row in range(6)]
        for row in range(5):  # the last one was never written
            content = io.BytesIO()
            Image.fromarray(IMAGES[row, : 20 + row]).save(content, "PNG")
            encoded[row] = np.frombuffer(content.getvalue(), np.uint8)
        encoded[2] = encoded[2][:100]
    pool = open_pool(tmp_path / "a.h5")
    assert np.array_equal(pool.image(4), IMAGES[4, :24])
    assert pool.read(range(6), 16).indices.tolist() == [0, 1, 3, 4]
    assert pool.report.unreadable == {"im2.png": "truncated", "im5.png": "empty"}
    assert [type(content) for content in pool.fetch([0, 1]).contents] == [bytes, bytes]


def test_a_file_with_one_dataset_an_object(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for row in range(2000):
            file[f"SURVEY J{row:06d}.{row}"] = IMAGES[row % 6, : 8 + row % 3]
        file["SURVEY J000007.7"][...] = 0
        file["SURVEY J9999"] = "a note"
        file["SURVEY K"] = h5py.SoftLink("/nowhere")
    pool = open_pool(tmp_path / "a.h5")
    assert len(pool) == 2002
    assert pool.ids[4] == "SURVEY J000004.4"
    assert np.array_equal(pool.image(4), IMAGES[4, :9])
    assert not pool.image(7).any()
    assert len(pool.read(range(1990, 2002), 8).indices) == 10
    assert "another kind of data" in pool.report.unreadable["SURVEY J9999"]
    assert pool.report.unreadable["SURVEY K"] == "a link to nothing"


def test_objects_of_three_bands_first(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", **{f"g{row}": IMAGES[row].transpose(2, 0, 1) for row in range(6)})
    assert np.array_equal(open_pool(path).image(3), IMAGES[3])


@pytest.mark.parametrize("link", [h5py.ExternalLink("gone.h5", "/images"), h5py.SoftLink("/gone")])
def test_a_link_to_nothing_is_told(tmp_path: Path, link: object) -> None:
    path = write(tmp_path / "a.h5", images=link)
    with pytest.raises(InputError, match=r"'images' in .* is a link to (gone.h5|/gone), which is not there"):
        open_pool(path)
    beside = write(tmp_path / "b.h5", images=IMAGES, labels=link)
    assert "which is not there" in open_pool(beside).report.skipped["labels"]


def test_the_array_is_found_by_its_name_or_as_the_only_one(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.h5", **{"train/pixels": IMAGES, "train/pixel_mask": IMAGES[..., 0] > 3, "flux": [1.0]}
    )
    assert "'train/pixels'" in open_pool(path).found["array"]
    both = write(
        tmp_path / "b.h5",
        **{"train/pixels": IMAGES, "test/pixels": IMAGES[::-1], "test/id": np.arange(6) + 9},
    )
    with pytest.raises(
        InputError, match=r"2 arrays of images: 'test/pixels', 'train/pixels'. Choose .*--array"
    ):
        open_pool(both)
    pool = open_pool(both, array="test/pixels")
    assert (pool.ids[0], pool.pixels.array) == ("9", "test/pixels")
    assert np.array_equal(pool.image(0), IMAGES[5])
    with pytest.raises(InputError, match="no array 'pixels' in"):
        open_pool(both, array="pixels")


def test_a_file_of_thousands_of_spectra_is_refused_in_a_short_sentence(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", **{f"spectrum {number}": np.zeros(4) for number in range(3000)})
    with pytest.raises(InputError, match="has no images") as caught:
        open_pool(path)
    assert len(str(caught.value)) < 1000


def test_a_file_that_a_program_writes_is_read_without_a_lock(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"] = IMAGES
        file.flush()
        script = "import sys; from anomalymatch_ui.pool import open_pool; print(len(open_pool(sys.argv[1])))"
        done = subprocess.run(
            [sys.executable, "-c", script, file.filename], capture_output=True, text=True, check=False
        )
    assert (done.stdout.strip(), done.stderr) == ("6", "")


def test_a_file_that_is_open_in_the_same_process_is_opened(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", images=IMAGES)
    with h5py.File(path), h5py.File(path):
        pool = open_pool(path)
        assert len(open_pool(path)) == 6
        with h5py.File(path) as file:
            assert np.array_equal(file["images"][2], pool.image(2))
