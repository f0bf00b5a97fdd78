"""What every pool of many images in one file promises, whatever the kind of file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from containers import CONTAINERS, Write, zarr_store

from anomalymatch_ui.pixels import GREY, NativeImage, Rendering
from anomalymatch_ui.pool import ImagePool, SubsetPool, UnreadableImageError, open_pool
from anomalymatch_ui.stream.gpu import Transfer
from anomalymatch_ui.stream.pieces import HostStages

ROWS = 40
IMAGES = np.random.default_rng(0).integers(0, 256, (ROWS, 16, 16, 3), np.uint8)
IDS = [f"galaxy {number} ☉" for number in range(ROWS)]


@pytest.fixture(params=CONTAINERS.values(), ids=CONTAINERS.keys())
def write(request: pytest.FixtureRequest) -> Write:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def pool(write: Write, tmp_path: Path) -> Iterator[ImagePool]:
    opened = open_pool(write(tmp_path, IMAGES, IDS))
    yield opened
    opened.close()


def test_the_same_images_are_read_from_every_kind_of_file(pool: ImagePool) -> None:
    batch = pool.read(range(ROWS), 16)
    assert np.array_equal(batch.pixels, IMAGES.transpose(0, 3, 1, 2))
    assert batch.pixels.flags.c_contiguous
    assert pool.report.sentence() == ""


def test_images_come_in_the_order_asked_for_and_as_often(pool: ImagePool) -> None:
    asked = [39, 3, 3, 12, 11, 0]
    batch = pool.read(asked, 16)
    assert batch.indices.tolist() == asked
    assert np.array_equal(batch.pixels, IMAGES[asked].transpose(0, 3, 1, 2))
    fetched = pool.fetch(asked)
    images = (
        content if isinstance(content, np.ndarray) else np.asarray(fetched.decoder.picture(content))
        for content in fetched.contents
    )
    assert np.array_equal(np.stack(list(images)), IMAGES[asked])


def test_images_go_by_their_ids(pool: ImagePool) -> None:
    assert list(pool.ids) == IDS
    assert [pool.index(image_id) for image_id in IDS] == list(range(ROWS))
    assert IDS[5] in pool
    assert "5" not in pool
    with pytest.raises(KeyError):
        pool.index("another")


def test_without_ids_the_numbers_of_the_rows_name_the_images(write: Write, tmp_path: Path) -> None:
    numbered = open_pool(write(tmp_path, IMAGES, None))
    assert list(numbered.ids) == [str(row) for row in range(ROWS)]


def test_an_image_is_writable_and_whole(pool: ImagePool) -> None:
    image = pool.image(30)
    assert image.flags.writeable
    assert np.array_equal(image, IMAGES[30])


@pytest.mark.parametrize("indices", [[-1], [ROWS], [1.5]])
def test_indices_outside_the_file_are_refused(pool: ImagePool, indices: list[int]) -> None:
    for read in (lambda: pool.read(indices, 16), lambda: pool.fetch(indices), lambda: pool.image(indices[0])):
        with pytest.raises(IndexError):
            read()


def test_a_black_image_is_an_image_in_every_layout(write: Write, tmp_path: Path) -> None:
    images = IMAGES.copy()
    images[[4, 5, ROWS - 1]] = 0
    images[7, :8, :8] = 0
    pool = open_pool(write(tmp_path, images, IDS))
    assert pool.read(range(ROWS), 16).indices.tolist() == list(range(ROWS))
    assert not pool.image(4).any()


def test_what_a_pool_tells_of_itself(pool: ImagePool) -> None:
    assert pool.found["array"]
    assert pool.found["ids"] != "numbers of the rows"


def test_a_closed_pool_says_so(pool: ImagePool) -> None:
    pool.close()
    pool.close()
    with pytest.raises(ValueError, match="closed"):
        pool.read([0], 16)


@pytest.mark.parametrize("dtype", ["uint16", "int16", ">i2", "float16", "float32", ">f4", "float64", "int32"])
def test_native_numbers_are_shown_alike_in_every_kind_of_file(
    write: Write, tmp_path: Path, dtype: str
) -> None:
    if write is CONTAINERS["zarr 2"] and dtype == "float16":
        pytest.skip("Blosc packs no float16 of version 2")
    if write is CONTAINERS["catalogue"] and dtype == "float16":
        pytest.skip("FITS has no float16")
    native = (IMAGES.astype(np.float64) * 37 - 1000).clip(-1000, 8000).astype(dtype)
    pool = open_pool(write(tmp_path, native, IDS))
    plain = tmp_path / "plain"
    plain.mkdir()
    expected = open_pool(CONTAINERS["hdf5"](plain, native.astype(native.dtype.newbyteorder("=")), IDS))
    assert np.array_equal(pool.read([3, 9, 1], 16).pixels, expected.read([3, 9, 1], 16).pixels)
    assert pool.image(3).std() > 20


def test_pixels_that_are_not_finite_spoil_no_image(write: Write, tmp_path: Path) -> None:
    native = IMAGES.astype(np.float32)
    native[3, :2], native[3, 5, 5] = np.nan, np.inf
    pool = open_pool(write(tmp_path, native, IDS))
    assert pool.image(3)[4:].std() > 20
    native[4] = np.nan
    other = tmp_path / "other"
    other.mkdir()
    assert pool.digest != open_pool(write(other, native[::-1], IDS)).digest


def test_one_band_is_grey(write: Write, tmp_path: Path) -> None:
    pool = open_pool(write(tmp_path, IMAGES[..., :1], IDS))
    assert np.array_equal(pool.image(9), np.repeat(IMAGES[9, ..., :1], 3, axis=2))


def test_a_pool_that_has_gone_gives_no_images(write: Write, tmp_path: Path) -> None:
    path = write(tmp_path, IMAGES, IDS)
    pool = open_pool(path)
    assert pool.any_there([0])
    path.rename(tmp_path / "away")
    assert not pool.any_there([0])


def test_unreadable_images_are_named_by_their_ids(tmp_path: Path) -> None:
    path = CONTAINERS["zarr an image a chunk"](tmp_path, IMAGES, IDS)
    (path / "images/c/7/0/0/0").write_bytes(b"junk")
    pool = open_pool(path)
    assert len(pool.read([6, 7, 8], 16).indices) == 2
    assert list(pool.report.unreadable) == [IDS[7]]
    with pytest.raises(UnreadableImageError, match="galaxy 7"):
        pool.image(7)


# --- what the network sees of many bands ---------------------------------------------------------------


def bands_of(count: int, side: int = 16, images: int = 12) -> np.ndarray:
    random = np.random.default_rng(1)
    return random.normal(np.arange(count) * 10, 2, (images, side, side, count)).astype(np.float32)


def as_scored(pool: ImagePool, size: int) -> np.ndarray:
    """Return what scoring makes of a pool's images, with the bands first."""
    host = HostStages(pool, size)
    return host.resize(host.decode(host.read(range(len(pool))))).pixels.transpose(0, 3, 1, 2)


@pytest.mark.parametrize("count", [2, 5])
def test_the_network_gets_every_band_from_every_kind_of_file(
    write: Write, count: int, tmp_path: Path
) -> None:
    native = bands_of(count)
    with closing(open_pool(write(tmp_path, native, IDS[:12]))) as pool:
        assert pool.read(range(12), 16).pixels.shape == (12, 3, 16, 16)
        seen = pool.read(range(12), 16, "network").pixels
        assert seen.shape == (12, count, 16, 16)
        # The last of the numbered planes counts as the reddest, which comes first.
        for place, image in enumerate(native):
            for plane, shown in zip(image.transpose(2, 0, 1), seen[place, ::-1], strict=True):
                grey = NativeImage(plane[np.newaxis], None, GREY)
                assert np.array_equal(Rendering().picture(grey)[..., 0], shown)
        for size in (16, 8):
            assert np.array_equal(as_scored(pool, size), pool.read(range(12), size, "network").pixels)


@pytest.mark.parametrize("count", [2, 4, 5])
def test_stores_of_several_sizes_give_the_network_every_band(count: int, tmp_path: Path) -> None:
    for name, side in (("a", 16), ("b", 24)):
        zarr_store(tmp_path / f"{name}.zarr", bands_of(count, side), [f"{name}{row}" for row in range(12)])
    with closing(open_pool(tmp_path)) as pool:
        seen = pool.read(range(24), 16, "network").pixels
        assert seen.shape == (24, count, 16, 16)
        assert np.array_equal(as_scored(pool, 16), seen)
        some = SubsetPool(pool, ["a3", "b5"])
        assert np.array_equal(some.read([0, 1], 16, "network").pixels, seen[[3, 17]])


def test_a_gpu_is_given_every_band(tmp_path: Path) -> None:
    """By what runs on a GPU, run on the CPU."""
    with closing(open_pool(CONTAINERS["tar"](tmp_path, bands_of(5), IDS[:12]))) as pool:
        host = HostStages(pool, 8)
        expected = pool.read(range(12), 8, "network").pixels
        moved = Transfer(torch.device("cpu"))(host.resize(host.decode(host.read(range(12)))))
        assert np.array_equal(np.asarray(moved.pixels), expected)
