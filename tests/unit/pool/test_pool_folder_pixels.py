"""What the images of a folder look like once they are read."""

from __future__ import annotations

import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import PIL
import pytest
from coloured import GREEN, RED, colour_of, encoded, save
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from anomalymatch_ui.pool import open_pool


def test_the_central_square_is_taken_and_nothing_is_squashed(tmp_path: Path) -> None:
    picture = Image.new("RGB", (48, 16), RED)
    picture.paste(Image.new("RGB", (16, 16), GREEN), (16, 0))
    picture.save(tmp_path / "wide.png")
    picture.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "tall.png")
    pool = open_pool(tmp_path)
    for size in (16, 8, 64):
        for pixels in pool.read([0, 1], size).pixels:
            assert colour_of(pixels) == GREEN


def test_an_image_of_the_right_size_is_not_touched(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    assert np.array_equal(open_pool(tmp_path).read([0], 64).pixels[0], noise.transpose(2, 0, 1))


def test_a_large_jpeg_decoded_at_reduced_size_looks_like_the_whole_one(tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 1024)
    large = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None, :], 128.0), axis=-1).astype(np.uint8)
    Image.fromarray(large).save(tmp_path / "large.jpg", quality=95)
    exact = np.asarray(Image.fromarray(large).resize((64, 64), Image.Resampling.BOX)).astype(int)
    read = open_pool(tmp_path).read([0], 64).pixels[0].transpose(1, 2, 0)
    assert np.abs(read - exact).max() <= 6


def test_image_gives_the_whole_image_in_full_resolution(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (70, 900, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    pixels = open_pool(tmp_path).image(0)
    assert np.array_equal(pixels, noise)
    assert pixels.flags.writeable


def test_shards_cover_the_pool_once(tmp_path: Path) -> None:
    for number in range(7):
        save(tmp_path / f"{number}.png", size=(4, 4))
    pool = open_pool(tmp_path)
    assert list(pool.shards(3)) == [range(0, 3), range(3, 6), range(6, 7)]
    with pytest.raises(ValueError, match="at least one"):
        pool.shards(0)


# --- modes ---------------------------------------------------------------------------------------------


def _image_of_mode(mode: str, value: int = 200) -> Image.Image:
    """Return a grey image in some mode, ``value`` on the left half and 0 on the right."""
    grey = np.zeros((32, 32), np.uint8)
    grey[:, :16] = value
    if mode in ("I;16", "I", "F"):
        dtype = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        return Image.fromarray(grey.astype(dtype) * dtype(100))
    return Image.fromarray(grey).convert("RGB").convert(mode)


BEFORE_PILLOW_13 = pytest.mark.skipif(
    int(PIL.__version__.partition(".")[0]) < 13, reason="Pillow before 13 reads no YCbCr in TIFF"
)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        *((mode, ".png") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
        *((mode, ".tif") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F")),
        pytest.param("YCbCr", ".tif", marks=BEFORE_PILLOW_13),
        *((mode, ".jpg") for mode in ("L", "RGB", "CMYK")),
        *((mode, ".webp") for mode in ("RGB", "RGBA")),
    ],
)
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str, suffix: str) -> None:
    _image_of_mode(mode).save(tmp_path / f"a{suffix}")
    pool = open_pool(tmp_path)
    left, right = pool.read([0], 32).pixels[0][:, 16, [4, 28]].T.astype(int)
    assert not pool.report.unreadable
    assert left.min() > 150
    assert np.ptp(left) < 12
    assert right.max() < 30
    assert pool.image(0).shape == (32, 32, 3)


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P"])
def test_transparent_parts_lie_over_black(tmp_path: Path, mode: str) -> None:
    picture = Image.new("RGBA", (32, 32), (255, 255, 255, 0))
    picture.paste((255, 255, 255, 255), (0, 0, 16, 32))
    picture.convert(mode).save(tmp_path / "a.png")
    pixels = open_pool(tmp_path).read([0], 32).pixels[0]
    assert (pixels[:, :, :16] == 255).all()
    assert (pixels[:, :, 16:] == 0).all()


def test_float_pixels_with_nan_and_inf_are_stretched(tmp_path: Path) -> None:
    raw = np.linspace(0, 1e30, 1024, dtype=np.float32).reshape(32, 32)
    raw[0, 0], raw[31, 31] = np.nan, np.inf
    Image.fromarray(raw).save(tmp_path / "a.tif")
    pixels = open_pool(tmp_path).read([0], 32).pixels[0]
    assert (pixels[:, 0, 0].tolist(), pixels[:, 31, 31].tolist()) == ([0] * 3, [255] * 3)
    assert 120 < pixels.mean() < 135


def test_a_decompression_bomb_is_not_unpacked(tmp_path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")
    assert (tmp_path / "bomb.png").stat().st_size < 100_000
    pool = open_pool(tmp_path)
    assert len(pool.read([0], 32).indices) == 0
    assert pool.report.unreadable["bomb.png"].startswith("too large to be a cutout")


def test_postscript_called_jpg_never_reaches_an_interpreter(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(Image.new("RGB", (8, 8)), "EPS"))
    pool = open_pool(tmp_path)
    assert len(pool.read([0], 32).indices) == 0
    assert dict(pool.report.unreadable) == {"a.jpg": "not an image of a known format"}


def test_an_image_with_the_suffix_of_another_format_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(Image.new("RGB", (32, 32), GREEN), "PNG"))
    assert colour_of(open_pool(tmp_path).read([0], 32).pixels[0]) == GREEN


def test_threads_that_read_together_get_what_one_gets_alone(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for number in range(40):
        Image.fromarray(generator.integers(0, 256, (40, 50, 3), np.uint8)).save(tmp_path / f"{number}.jpg")
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    pool = open_pool(tmp_path)
    alone = pool.read(range(41), 32)
    together = threading.Barrier(4)

    def read(_: int) -> np.ndarray:
        together.wait()
        return pool.read(range(41), 32).pixels

    with ThreadPoolExecutor(4) as threads:
        for pixels in threads.map(read, range(4)):
            assert np.array_equal(pixels, alone.pixels)
    assert list(pool.report.unreadable) == ["bad.jpg"]


# --- properties ------------------------------------------------------------------------------------------

MODES = {
    "png": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "tif": ("L", "CMYK", "RGB", "F", "I"),
    "jpg": ("L", "RGB", "CMYK"),
}


@st.composite
def files(draw: st.DrawFn) -> tuple[str, bytes]:
    suffix = draw(st.sampled_from(sorted(MODES)))
    mode = draw(st.sampled_from(MODES[suffix]))
    size = (draw(st.integers(1, 80)), draw(st.integers(1, 80)))
    image = Image.new(mode, size, draw(st.integers(0, 255)) if mode not in ("P", "1") else 1)
    return suffix, encoded(image, {"png": "PNG", "tif": "TIFF", "jpg": "JPEG"}[suffix])


@settings(deadline=None, max_examples=40)
@given(st.lists(files(), min_size=1, max_size=5), st.integers(1, 96))
def test_any_images_are_read_in_the_asked_shape_and_found_by_their_ids(
    images: list[tuple[str, bytes]], size: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number, (suffix, content) in enumerate(images):
            Path(folder, f"{number}.{suffix}").write_bytes(content)
        pool = open_pool(folder)
        batch = pool.read(range(len(pool)), size)
        assert not pool.report.unreadable
        assert batch.pixels.shape == (len(images), 3, size, size)
        assert batch.pixels.dtype == np.uint8
        for index, image_id in enumerate(pool.ids):
            assert pool.index(image_id) == index
            assert pool.image(index).dtype == np.uint8


WHOLE = tuple(
    encoded(_image_of_mode(mode), kind)
    for mode, kind in (
        ("RGB", "JPEG"),
        ("RGB", "PNG"),
        ("P", "PNG"),
        ("RGB", "TIFF"),
        ("F", "TIFF"),
        ("RGB", "WEBP"),
    )
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return an image file with some bytes changed, and perhaps cut off."""
    content = bytearray(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(1, 8))):
        content[draw(st.integers(0, min(len(content), 400) - 1))] = draw(st.integers(0, 255))
    return bytes(content[: draw(st.integers(0, len(content)))]) if draw(st.booleans()) else bytes(content)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL", "ignore::PIL.Image.DecompressionBombWarning")
@settings(deadline=None, max_examples=300)
@given(st.one_of(st.binary(max_size=200), damaged()))
def test_any_bytes_are_read_or_reported_and_never_raise(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "x.jpg").write_bytes(content)
        pool = open_pool(folder)
        read = len(pool.read([0], 16).indices)
        assert read + len(pool.report) == 1
        if not read:
            assert pool.report.unreadable["x.jpg"]


@pytest.mark.shared_data
def test_every_galaxy_can_be_read(shared_data: Path) -> None:
    pool = open_pool(shared_data / "galaxies" / "images")
    assert len(pool) == 1517
    read = sum(len(pool.read(shard, 64).indices) for shard in pool.shards(256))
    assert read == 1517
    assert not pool.report.unreadable


@pytest.mark.shared_data
def test_photographs_in_grey_and_images_of_mixed_sizes_become_rgb(shared_data: Path) -> None:
    for folder in ("natural", "lenses"):
        pool = open_pool(shared_data / folder / "images")
        some = range(0, len(pool), max(1, len(pool) // 300))
        assert len(pool.read(some, 64).indices) == len(some)
