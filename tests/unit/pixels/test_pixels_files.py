"""Files of any format: pictures to the bit as they always were, and others with all they hold."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from pictures import pictures
from PIL import Image, PngImagePlugin

from anomalymatch_ui.pixels import PixelError
from anomalymatch_ui.pixels.files import Decoder, describe
from anomalymatch_ui.pool import open_pool

DECODER = Decoder()
WIDE = np.random.default_rng(0).integers(0, 65536, (20, 24, 3), np.uint16)

# Of the pixels of `pictures`, whole and at 32, 64 and 8 px, as version 0.1 at commit 0636b21 read them.
KEPT = {
    "1.png": "701d798d7549a935",
    "1.tif": "701d798d7549a935",
    "CMYK.tif": "3f80df7878fff059",
    "F.tif": "8fe45e8e5f84f856",
    "I16.png": "8fe45e8e5f84f856",
    "I16.tif": "8fe45e8e5f84f856",
    "L.png": "ce145f0ca20f108a",
    "L.tif": "ce145f0ca20f108a",
    "LA.png": "0afc23cd3be99cf7",
    "LA.tif": "0afc23cd3be99cf7",
    "P.png": "4c1bdb979aeab712",
    "P.tif": "4c1bdb979aeab712",
    "RGB.png": "2c02779eb9e9159a",
    "RGB.tif": "2c02779eb9e9159a",
    "RGB.webp": "2c02779eb9e9159a",
    "RGBA.png": "3e65f921f0a4c181",
    "RGBA.tif": "3e65f921f0a4c181",
    "RGBA.webp": "3e65f921f0a4c181",
}


def test_pictures_are_to_the_bit_what_they_were_before_native_values(tmp_path: Path) -> None:
    for name, content in pictures().items():
        (tmp_path / name).write_bytes(content)
    pool = open_pool(tmp_path)
    found = {}
    for index, name in enumerate(pool.ids):
        digest = hashlib.sha256(pool.image(index).tobytes())
        for size in (32, 64, 8):
            digest.update(pool.read([index], size).pixels.tobytes())
        found[name] = digest.hexdigest()[:16]
    assert {name: found[name] for name in KEPT} == KEPT
    # What a JPEG decodes to is the library's: compared with Pillow on this machine.
    for name in ("L.jpg", "RGB.jpg", "CMYK.jpg"):
        expected = np.asarray(Image.open(io.BytesIO(pictures()[name])).convert("RGB"))
        assert np.array_equal(pool.image(pool.index(name)), expected)


def png(pixels: np.ndarray, kind: int) -> bytes:
    """Return a PNG of 16 bits, which Pillow does not write in colour; filtered as most programs do."""
    rows = pixels.astype(">u2").reshape(len(pixels), -1).view(np.uint8)
    step = pixels.shape[2] * 2
    left = np.pad(rows, ((0, 0), (step, 0)))[:, :-step]
    filtered = np.pad(rows - left, ((0, 0), (1, 0)), constant_values=1)
    header = struct.pack(">IIBBBBB", pixels.shape[1], len(pixels), 16, kind, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(filtered.tobytes())), (b"IEND", b"")]
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def tiff(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


OPAQUE = np.full((20, 24, 1), 65535, np.uint16)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (png(WIDE, 2), WIDE),
        (png(np.dstack([WIDE, OPAQUE]), 6), WIDE),
        (png(np.dstack([WIDE[..., :1], OPAQUE]), 4), WIDE[..., :1]),
        (png(WIDE[..., :1], 0), WIDE[..., :1]),
        (tiff(WIDE, photometric="rgb"), WIDE),
        (tiff(np.moveaxis(WIDE, -1, 0), photometric="rgb", planarconfig="separate"), WIDE),
        (tiff(WIDE, photometric="rgb", byteorder=">"), WIDE),
        (tiff(WIDE[..., 0], photometric="minisblack"), WIDE[..., :1]),
        (tiff(65535 - WIDE[..., 0], photometric="miniswhite"), WIDE[..., :1]),
        (tiff(WIDE / np.float32(7), photometric="rgb"), WIDE / np.float32(7)),
        (tiff(WIDE[..., 0] / 7, photometric="minisblack"), WIDE[..., :1] / 7),
        (tiff(WIDE[..., 0].astype(np.uint32) << 16, photometric="minisblack"), WIDE[..., :1] * 65536.0),
    ],
)
def test_16_bits_and_floats_keep_their_depth(content: bytes, expected: np.ndarray) -> None:
    values = DECODER.native(content).values
    assert np.array_equal(values.transpose(1, 2, 0), expected)


def test_transparent_parts_of_16_bits_lie_over_black() -> None:
    half = np.full_like(OPAQUE, 32768)
    values = DECODER.native(png(np.dstack([WIDE, half]), 6)).values
    assert np.abs(values.transpose(1, 2, 0) - WIDE / 2).max() <= 1.5


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_a_tiff_of_five_bands_opens(planar: str, dtype: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 200, (5, 9, 7)).astype(dtype)
    stored = pixels if planar == "separate" else np.moveaxis(pixels, 0, -1)
    image = DECODER.native(tiff(stored, photometric="minisblack", planarconfig=planar))
    assert image.bands.names == ("1", "2", "3", "4", "5")
    assert np.array_equal(image.values, pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_upright_whatever_its_container(orientation: int, tmp_path: Path) -> None:
    pixels = np.zeros((60, 90, 3), np.uint8)
    pixels[:20, :30] = 255, 0, 0
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("jpg", "png", "webp", "tif"):
        options = {"jpg": {"quality": 95, "subsampling": 0}, "webp": {"lossless": True}}.get(kind, {})
        Image.fromarray(pixels).save(tmp_path / f"a.{kind}", exif=exif, **options)
    deep = tiff(pixels.astype(np.uint16) * 257, photometric="rgb", extratags=[(274, "H", 1, orientation)])
    (tmp_path / "deep.tif").write_bytes(deep)
    pool = open_pool(tmp_path)
    images = [pool.image(index) for index in range(5)]
    assert {image.shape for image in images} == {(60, 90, 3) if orientation < 5 else (90, 60, 3)}
    for image in images:
        assert np.abs(image.astype(int) - images[1]).max() <= 20


def test_a_long_text_beside_a_picture_does_not_matter() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("history", "x" * 2_000_000, zip=True)
    buffer = io.BytesIO()
    Image.fromarray(WIDE.astype(np.uint8)).save(buffer, "PNG", pnginfo=text)
    assert np.array_equal(np.asarray(DECODER.picture(buffer.getvalue())), WIDE.astype(np.uint8))


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP"])
def test_of_several_pages_the_first_is_shown_and_it_is_said(kind: str) -> None:
    frames = [Image.fromarray(np.full((8, 8), shade, np.uint8)) for shade in (10, 200, 90)]
    buffer = io.BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:], lossless=True)
    remarks: list[str] = []
    shown = np.asarray(DECODER.picture(buffer.getvalue(), remark=remarks.append))
    assert shown.max() == 10
    assert remarks == ["the first of its 3 pages is shown"]


@pytest.mark.parametrize(
    ("array", "names"),
    [
        (np.zeros((8, 9), ">f4"), ("grey",)),
        (np.zeros((8, 9, 3), np.uint8), ("red", "green", "blue")),
        (np.zeros((3, 8, 9), np.uint8), ("red", "green", "blue")),
        (np.zeros((8, 9, 3), np.float32), ("1", "2", "3")),
        (np.zeros((3, 8, 9), np.float32), ("1", "2", "3")),
        (np.zeros((5, 8, 9), np.float64), ("1", "2", "3", "4", "5")),
    ],
)
def test_arrays_of_numpy_are_images(array: np.ndarray, names: tuple[str, ...]) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array)
    assert DECODER.native(buffer.getvalue()).bands.names == names
    assert describe(buffer.getvalue(), DECODER).names == names


def test_an_array_of_objects_runs_no_code() -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="pickle"):
        DECODER.native(buffer.getvalue())


def test_files_of_single_bands_that_differ_in_size_are_told() -> None:
    contents = tuple(tiff(np.zeros((8, side), np.float32)) for side in (8, 9))
    with pytest.raises(PixelError, match="differ in size: 'g' of 8 x 8, 'r' of 9 x 8"):
        Decoder(files=("g", "r")).native(contents)
