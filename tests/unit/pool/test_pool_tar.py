from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import open_pool

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 24, 24, 3), np.uint8)


def png(image: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(image).save(content, "PNG")
    return content.getvalue()


def npy(image: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, image)
    return content.getvalue()


def pack(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def shard(path: Path, first: int = 0) -> Path:
    """Write a shard of WebDataset: an image and its notes a sample."""
    files = {}
    for row, image in enumerate(IMAGES):
        notes = {"object_id": 2739161834506210321 + first + row, "ra": 10.5 + row, "dec": -3.0}
        files[f"{first + row:06d}.png"] = png(image)
        files[f"{first + row:06d}.json"] = json.dumps(notes).encode()
        files[f"{first + row:06d}.cls"] = b"%d" % (row % 2)
    return pack(path, files)


def test_a_shard_of_webdataset_is_a_pool_with_its_notes(tmp_path: Path) -> None:
    pool = open_pool(shard(tmp_path / "shard-000000.tar"))
    assert list(pool.ids) == [f"{row:06d}" for row in range(6)]
    assert np.array_equal(pool.read([5, 0, 0], 24).pixels, IMAGES[[5, 0, 0]].transpose(0, 3, 1, 2))
    assert pool.columns["object_id"].to_pylist() == [2739161834506210321 + row for row in range(6)]
    assert pool.columns.positions == ("ra", "dec")
    assert pool.columns["cls"].to_pylist() == ["0", "1"] * 3
    assert pool.report.sentence() == ""


def test_a_folder_of_shards_is_one_pool(tmp_path: Path) -> None:
    for number in range(3):
        shard(tmp_path / f"shard-{number:06d}.tar", 6 * number)
    pool = open_pool(tmp_path)
    assert list(pool.ids) == [f"{row:06d}" for row in range(18)]
    assert np.array_equal(pool.image(13), IMAGES[1])
    assert [type(content) for content in pool.fetch([1, 13]).contents] == [bytes, bytes]


def test_native_arrays_in_a_tar_are_shown_as_those_of_hdf5(tmp_path: Path) -> None:
    import h5py

    native = IMAGES.transpose(0, 3, 1, 2).astype(np.float32) * 3 - 100
    path = pack(tmp_path / "a.tar", {f"{row}.flux.npy": npy(image) for row, image in enumerate(native)})
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"] = native
    expected = open_pool(tmp_path / "a.h5").read(range(6), 24)
    assert np.array_equal(open_pool(path).read(range(6), 24).pixels, expected.pixels)


def test_members_that_are_damaged_are_unreadable(tmp_path: Path) -> None:
    files = {f"{row}.png": png(image) for row, image in enumerate(IMAGES)}
    files["2.png"], files["3.png"] = files["2.png"][:200], b""
    pool = open_pool(pack(tmp_path / "a.tar", {**files, "notes.md": b"hello"}))
    assert pool.read(range(6), 24).indices.tolist() == [0, 1, 4, 5]
    assert pool.report.unreadable == {"2": "truncated", "3": "empty file"}
    assert pool.report.skipped == {"notes.md": "not an image"}


def test_a_file_that_was_cut_off_keeps_the_images_before_its_end(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.tar", {f"{row}.png": png(image) for row, image in enumerate(IMAGES)})
    path.write_bytes(path.read_bytes()[: 512 + 3 * (len(png(IMAGES[0])) // 512 + 2) * 512])
    pool = open_pool(path)
    readable = pool.read(range(len(pool)), 24)
    assert 2 <= len(readable.indices) < 6
    assert np.array_equal(readable.pixels[0], IMAGES[0].transpose(2, 0, 1))
    assert pool.report.sentence()


def test_samples_of_several_images_are_named_by_their_files(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.tar", {"a/7.g.png": png(IMAGES[0]), "a/7.r.png": png(IMAGES[1])})
    assert list(open_pool(path).ids) == ["a/7.g.png", "a/7.r.png"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "as a tar file: empty file"),
        (bytes(10240), "no images"),
        (b"no tar" * 1000, "as a tar file"),
        (b"\x1f\x8b" + bytes(600), "Unpack"),
    ],
)
def test_what_is_no_tar_is_refused_in_a_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        open_pool(tmp_path / "a.tar")
    assert "\n" not in str(caught.value)


def test_a_closed_pool_says_so(tmp_path: Path) -> None:
    pool = open_pool(shard(tmp_path / "a.tar"))
    pool.close()
    with pytest.raises(ValueError, match="closed"):
        pool.read([0], 24)
