"""The close-up of a catalogue's objects shows what lies around them on the tile."""

from __future__ import annotations

import re

import numpy as np
import pytest
from catalogues import positions, tile_wcs, write_catalogue, write_tile
from desk import Desk
from playwright.sync_api import expect
from serving import Prepared

from anomalymatch_ui.config import Config
from anomalymatch_ui.pool import open_pool, surroundings
from anomalymatch_ui.session import Session

pytestmark = pytest.mark.browser

SIDE, ZOOM = 24, 4

COLOURS = """canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return [canvas.width, canvas.height, [...data]];
}"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("around")
    x, y = np.array([60.0, 130.0, 140.0, 20.0]), np.array([60.0, 100.0, 30.0, 150.0])
    down, across = np.mgrid[:200, :200]
    light = sum(np.exp(-((across - i) ** 2 + (down - j) ** 2) / 40) for i, j in zip(x, y, strict=True))
    for number, band in enumerate("gri"):
        noise = np.random.default_rng(number).normal(0, 0.05, light.shape)
        write_tile(folder / f"{band}.fits", np.float32(light + noise), band, BUNIT="nJy")
    columns = {"id": list("abcd"), **positions(tile_wcs(200), x, y), "size": SIDE}
    catalogue = write_catalogue(folder, {**columns, "path": str([f"{band}.fits" for band in "gri"])})
    config = Config.preset("paper").with_values(network={"image_size": 32}, instant=False)
    Session.open(folder / "session", catalogue, config=config, annotator="ada").close()
    return Prepared(catalogue, folder / "session")


def test_a_key_shows_what_lies_around_an_object_on_its_tile(desk: Desk, prepared: Prepared) -> None:
    desk.press("?")
    expect(desk.overlay).to_contain_text("wider: what lies around the image")
    desk.press("Escape")
    position = desk.ids().index("d")  # 20 pixels from the tile's edge
    desk.press("Home", *["ArrowRight"] * position, "Space")
    expect(desk.page.locator(".am-zoom")).to_have_attribute("data-shown", "d")
    field = desk.page.get_by_role("group", name="field")
    remark = desk.page.locator(".am-zoom-remark")
    expect(field.get_by_role("button", name="1×")).to_have_attribute("aria-pressed", "true")
    expect(remark).to_be_hidden()
    desk.press("w", "w")
    expect(field.get_by_role("button", name="4×")).to_have_attribute("aria-pressed", "true")
    pool = open_pool(prepared.images)
    index = pool.index("d")
    around = surroundings(pool, index, ZOOM)
    assert around is not None
    assert "of it lies off the tile" in around.remark
    expect(remark).to_have_text(around.remark)

    # The pixels of the field, in the stretch of the object itself, with its frame.
    image, own = around.image, pool.native(index)
    expected = pool.rendering.picture(image, pool.rendering.limits_of(own)).astype(int)
    canvas = desk.page.locator(".am-zoom-canvas")
    width, height, data = canvas.evaluate(COLOURS)
    times = min(width, height) // (ZOOM * SIDE)
    drawn = np.array(data).reshape(height, width, 4)[..., :3]
    left, top = (round(size / 2 - ZOOM * SIDE / 2 * times) for size in (width, height))
    shown = drawn[top:, left:][times // 2 :: times, times // 2 :: times][: ZOOM * SIDE, : ZOOM * SIDE]
    assert np.abs(shown - expected).max() <= 2
    edge = left + around.left * times - 1
    middle = top + (around.top + SIDE // 2) * times
    assert drawn[middle, edge].tolist() == [255, 213, 79]

    # The value under the pointer; positions count from the object's own first pixel.
    box = canvas.bounding_box()
    assert box is not None
    right_edge = box["x"] + (box["width"] + ZOOM * SIDE * times) / 2
    desk.page.mouse.move(right_edge - 2, box["y"] + 200)
    pixel = desk.page.locator(".am-zoom-pixel")
    expect(pixel).to_contain_text("x 59")
    text = pixel.text_content() or ""
    x, y = (int(number) for number in re.findall(r"[xy] (-?\d+)", text))
    said = [float(value) for value in re.findall(r"[gri] (-?[\d.e-]+)", text)]
    assert said == pytest.approx(image.values[:, y + around.top, x + around.left].tolist(), rel=1e-4)

    # What was chosen stays for the next object, and the third press leads back.
    desk.press("ArrowLeft" if position else "ArrowRight")
    expect(desk.page.locator(".am-zoom")).not_to_have_attribute("data-shown", "d")
    expect(field.get_by_role("button", name="4×")).to_have_attribute("aria-pressed", "true")
    desk.press("w")
    expect(field.get_by_role("button", name="1×")).to_have_attribute("aria-pressed", "true")
    expect(remark).to_be_hidden()
