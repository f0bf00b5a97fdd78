from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anomalymatch_ui.app.looking.natives import Natives
from anomalymatch_ui.app.looking.sheet import SHEET_PIXELS, SheetMaker, cell_side, contact_sheet, native_side
from anomalymatch_ui.pool import open_pool

GREYS = (40, 120, 200)


@pytest.fixture
def grey_pool(tmp_path: Path):
    for number, grey in enumerate(GREYS):
        Image.new("RGB", (40, 40), (grey, grey, grey)).save(tmp_path / f"{number}.png")
    (tmp_path / "9-broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    return open_pool(tmp_path)


def pixels(jpeg: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(jpeg)))


def test_every_cell_holds_its_own_image(grey_pool):
    sheet = contact_sheet(grey_pool, [2, 0, 1], 40)
    assert (sheet.pitch, sheet.inset, sheet.columns) == (48, 4, 2)
    drawn = pixels(sheet.jpeg)
    assert drawn.shape == (96, 96, 3)
    for position, grey in enumerate((200, 40, 120)):
        row, column = divmod(position, sheet.columns)
        around = drawn[row * 48 : row * 48 + 48, column * 48 : column * 48 + 48]
        assert np.abs(around.astype(int) - grey).max() <= 2


@pytest.mark.parametrize("cell", [16, 62, 63, 64, 128])
def test_a_shrunken_picture_finds_its_own_edge_around_it(grey_pool, cell: int):
    sheet = contact_sheet(grey_pool, [0, 1, 2], cell)
    assert sheet.inset >= 1
    assert sheet.pitch - sheet.inset - cell >= 1
    assert sheet.pitch % 8 == 0


def test_an_unreadable_image_leaves_its_cell_black_and_is_told(grey_pool):
    sheet = contact_sheet(grey_pool, [0, 3, 1], 40)
    assert sheet.readable == (True, False, True)
    assert pixels(sheet.jpeg)[:48, 48:].max() <= 2


def test_a_page_without_images_has_an_empty_sheet(grey_pool):
    assert contact_sheet(grey_pool, [], 40).jpeg == b""


@pytest.mark.parametrize(
    ("native", "thumbnail", "pixel_ratio", "cell"),
    [
        (64, 128, 1, 64),
        (32, 256, 2, 32),
        (160, 128, 1, 160),
        (300, 240, 1, 256),
        (424, 64, 1, 64),
        (424, 128, 1, 128),
        (424, 128, 2, 256),
        (424, 256, 2, 424),
        (2000, 256, 2, 512),
    ],
)
def test_small_images_are_sent_as_they_are_and_large_ones_as_large_as_the_screen_shows_them(
    native, thumbnail, pixel_ratio, cell
):
    assert cell_side(native, thumbnail, pixel_ratio) == cell


def test_a_small_change_of_the_thumbnail_needs_no_new_sheet():
    assert {cell_side(424, thumbnail) for thumbnail in range(129, 193)} == {192}


def test_a_page_of_many_large_images_stays_within_the_pixels_of_a_sheet():
    assert 200 * cell_side(2000, 256, 2, cards=200) ** 2 <= SHEET_PIXELS


def test_the_usual_side_is_taken_from_images_that_can_be_read(grey_pool):
    assert native_side(grey_pool) == 40


def test_a_sheet_is_made_once_and_only_the_last_few_are_kept(grey_pool):
    maker = SheetMaker(Natives(grey_pool), kept=2)
    size = 40
    first = maker.request([0], size, grey_pool.rendering)
    assert maker.request([0], size, grey_pool.rendering) is first
    maker.request([1], size, grey_pool.rendering)
    maker.request([2], size, grey_pool.rendering)
    assert maker.request([0], size, grey_pool.rendering) is not first
    maker.close()
