from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from anomalymatch_ui.config import ScoreConfig
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.stream import batch_ranges
from anomalymatch_ui.stream import torchvision_jpeg as jpeg
from anomalymatch_ui.stream.gpu import Transfer
from anomalymatch_ui.stream.jpeg import JpegFrame, ordinary_frame
from anomalymatch_ui.stream.pieces import DecodeJpeg, HostStages, Piece, regroup

CPU = torch.device("cpu")
CONFIG = ScoreConfig(batch_size=8, workers=2)


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(height: int, width: int, mode: str = "RGB") -> Image.Image:
    bands = {"RGB": 3, "CMYK": 4, "L": 1}[mode]
    pixels = np.random.default_rng(height * width).integers(0, 256, (height, width, bands), np.uint8)
    return Image.fromarray(pixels.squeeze() if bands == 1 else pixels, mode)


def test_the_header_of_a_jpeg_tells_its_size_and_whether_it_is_an_ordinary_one() -> None:
    content = encode(noise(40, 50), "JPEG")
    assert ordinary_frame(content) == JpegFrame(40, 50)
    assert ordinary_frame(encode(noise(40, 50, "L"), "JPEG", progressive=True)) == JpegFrame(40, 50)
    assert ordinary_frame(content + b"\0" * 10) == JpegFrame(40, 50)
    for other in (
        content[:-100],
        encode(noise(40, 50, "CMYK"), "JPEG"),
        encode(noise(40, 50), "PNG"),
        b"",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8" + b"\xff" * 100 + b"\xd9",
    ):
        assert ordinary_frame(other) is None


@given(st.binary(max_size=200))
def test_no_bytes_confuse_the_reader_of_headers(content: bytes) -> None:
    ordinary_frame(b"\xff\xd8\xff" + content)
    ordinary_frame(b"\xff\xd8\xff" + content + b"\xff\xd9")


def test_the_extension_alone_decodes_what_all_of_torchvision_does() -> None:
    """Its package is not imported for that: it brings torch's compiler along, 164 MB."""
    for content in (encode(noise(40, 51), "JPEG"), encode(noise(33, 20, "L"), "JPEG", progressive=True)):
        alone, whole = (
            found()(jpeg.as_tensor(content)).permute(1, 2, 0).numpy()
            for found in (jpeg._of_the_extension, jpeg._of_the_package)
        )
        expected = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        assert (alone == expected).all()
        assert (whole == expected).all()


def test_without_the_extension_the_package_decodes_and_without_both_pillow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> jpeg.Decode:
        raise ImportError

    content = encode(noise(40, 51), "JPEG")
    expected = np.asarray(Image.open(io.BytesIO(content)))
    try:
        monkeypatch.setattr(jpeg, "_of_the_extension", missing)
        jpeg.torchvision_decoder.cache_clear()
        found = jpeg.decode_on_cpu(content)
        assert found is not None
        assert (found == expected).all()
        monkeypatch.setattr(jpeg, "_of_the_package", missing)
        jpeg.torchvision_decoder.cache_clear()
        assert jpeg.decode_on_cpu(content) is None
    finally:
        jpeg.torchvision_decoder.cache_clear()


@pytest.fixture
def mixed_folder(tmp_path: Path) -> Path:
    """Images of every kind that a folder may hold, some unreadable."""
    whole = encode(noise(64, 64), "JPEG")
    contents = {
        "a.jpg": whole,
        "b-cut-off.jpg": whole[: len(whole) // 2],
        "c-cut-off-with-end.jpg": whole[: len(whole) // 2] + b"\xff\xd9",
        "d-grey.jpg": encode(noise(64, 64, "L"), "JPEG"),
        "e-cmyk.jpg": encode(noise(64, 64, "CMYK"), "JPEG"),
        "f-progressive.jpg": encode(noise(70, 64), "JPEG", progressive=True, subsampling=2),
        "g-large.jpg": encode(noise(300, 200), "JPEG"),
        "h-small.jpg": encode(noise(20, 20), "JPEG", subsampling=0),
        "i.png": encode(noise(64, 64), "PNG"),
        "j.tif": encode(noise(64, 64), "TIFF"),
        "k-nothing.jpg": b"",
        "l-text.jpg": b"not an image",
        "m-wide.webp": encode(noise(64, 90), "WEBP", lossless=True),
        "n-damaged.jpg": whole[:400] + bytes(200) + whole[600:],
        "o-png-called.jpg": encode(noise(64, 64), "PNG"),
    }
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("size", [32, 64, 100])
@pytest.mark.parametrize("decode_jpeg", [None, jpeg.decode_on_cpu], ids=["Pillow", "torchvision"])
def test_scoring_sees_the_very_pixels_that_training_and_the_screen_see(
    mixed_folder: Path, size: int, decode_jpeg: DecodeJpeg | None
) -> None:
    pool, reference = open_pool(mixed_folder), open_pool(mixed_folder)
    expected = reference.read(range(len(reference)), size)
    stages = HostStages(pool, size, decode_jpeg)
    piece = stages.resize(stages.decode(stages.read(range(len(pool)))))
    assert piece.indices.tolist() == expected.indices.tolist()
    np.testing.assert_array_equal(piece.pixels.transpose(0, 3, 1, 2), expected.pixels)
    assert dict(pool.report.unreadable) == dict(reference.report.unreadable)


def test_a_piece_of_which_nothing_can_be_read_is_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"not an image")
    pool = open_pool(tmp_path)
    host = HostStages(pool, 32)
    piece = Transfer(CPU)(host.resize(host.decode(host.read(range(1)))))
    assert piece.pixels.shape == (0, 3, 32, 32)
    assert "a.jpg" in pool.report.unreadable


def test_pieces_are_joined_and_cut_to_batches() -> None:
    def piece(start: int, stop: int) -> Piece:
        indices = np.array([index for index in range(start, stop) if index != 7], np.int64)
        return Piece(
            range(start, stop), indices, np.repeat(indices, 12).reshape(-1, 2, 2, 3).astype(np.uint8)
        )

    pieces = [piece(0, 5), piece(5, 9), piece(9, 30)]
    batches = list(regroup(pieces, batch_ranges(0, 30, 8)))
    assert [(batch.asked.start, batch.asked.stop) for batch in batches] == [
        (0, 8),
        (8, 16),
        (16, 24),
        (24, 30),
    ]
    for batch in batches:
        assert batch.indices.tolist() == [index for index in batch.asked if index != 7]
        assert batch.pixels[:, 0, 0, 0].tolist() == batch.indices.tolist()


def test_pieces_that_end_early_make_no_short_batch() -> None:
    pixels = np.zeros((5, 2, 2, 3), np.uint8)
    early = [Piece(range(5), np.arange(5), pixels)]
    assert [batch.asked for batch in regroup(early, batch_ranges(0, 12, 4))] == [range(4)]


def test_a_device_gets_the_very_pixels_that_the_screen_gets(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 40, 50, 3), np.uint8)
    zarr.create_array(tmp_path / "survey.zarr", data=images)
    pool = open_pool(tmp_path / "survey.zarr")
    host = HostStages(pool, 32)
    pixels = Transfer(CPU)(host.resize(host.decode(host.read(range(6))))).pixels
    np.testing.assert_array_equal(np.asarray(pixels), pool.read(range(6), 32).pixels)


def test_what_finds_no_room_on_a_device_is_left_for_the_scorer_to_halve(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(transfer: Transfer, pixels: np.ndarray) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Transfer, "_to_device", full)
    piece = Piece(range(5), np.arange(5), np.zeros((5, 2, 2, 3), np.uint8))
    assert Transfer(CPU)(piece) is piece
