"""Stretch and bands of native pixels beside the cards, and the close-up with native values."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from card_pixels import PIXELS
from desk import Desk
from fitsfiles import write_survey
from playwright.sync_api import expect
from serving import Prepared

from anomalymatch_ui.config import Config
from anomalymatch_ui.pixels import Rendering
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.session import Session

pytestmark = pytest.mark.browser

SHOWN = """canvas => {
    const times = Math.floor(Math.min(canvas.width, canvas.height) / 24);
    const [left, top] = [canvas.width, canvas.height].map((side) => Math.round(side / 2 - 12 * times));
    const { data } = canvas.getContext("2d").getImageData(left, top, 24 * times, 24 * times);
    const middle = Math.floor(times / 2);
    return Array.from({ length: 24 * 24 * 3 }, (_nothing, at) => {
        const [pixel, channel] = [Math.floor(at / 3), at % 3];
        const [row, column] = [Math.floor(pixel / 24), pixel % 24].map((place) => place * times + middle);
        return data[(row * 24 * times + column) * 4 + channel];
    });
}"""
"""Given the canvas of a fitted close-up, the colour in the middle of each of the image's 24 x 24 pixels."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("native")
    write_survey(folder / "images", images=12, rings=3)
    config = Config.preset("paper").with_values(network={"image_size": 32}, instant=False)
    Session.open(folder / "session", folder / "images", config=config, annotator="ada").close()
    return Prepared(folder / "images", folder / "session")


def expected(images: Path, name: str, rendering: Rendering) -> np.ndarray:
    pool = open_pool(images)
    return rendering.bound(pool.bands).picture(pool.native(pool.index(name))).astype(int)


def card_pixels(desk: Desk) -> np.ndarray:
    return np.array(desk.cards.first.evaluate(PIXELS)).reshape(24, 24, 4)[..., :3]


def expect_serial_after(desk: Desk, serial: str | None) -> None:
    expect(desk.gallery).not_to_have_attribute("data-page", serial or "")


def test_the_page_is_shown_in_another_stretch_which_the_network_can_be_given(
    desk: Desk, prepared: Prepared
) -> None:
    name = desk.ids()[0]
    desk.page.get_by_role("button", name="Look", exact=False).first.click()
    panel = desk.page.get_by_role("group", name="look", exact=True)
    # Of pictures of 8 bits alone.
    expect(panel.get_by_role("group", name="Bands")).to_have_count(0)
    serial = desk.serial()
    panel.get_by_label("Stretch", exact=True).select_option("asinh")
    expect_serial_after(desk, serial)
    chip = desk.page.locator(".am-native-chip")
    expect(chip).to_contain_text("not the network's: asinh")
    asinh = expected(prepared.images, name, Rendering(stretch="asinh"))
    assert np.abs(card_pixels(desk) - asinh).mean() < 6  # JPEG
    serial = desk.serial()
    panel.get_by_label("Show", exact=True).select_option("R in grey")
    expect_serial_after(desk, serial)
    red = expected(prepared.images, name, Rendering(stretch="asinh", rgb=("R", "R", "R")))
    assert np.abs(card_pixels(desk) - red).mean() < 6
    expect(desk.button("Stop")).to_be_disabled()  # the first ranking is there
    # The session that is opened anew shows a new gallery in the place of this one.
    panel.get_by_role("button", name="Use for the network too").click()
    expect(panel.get_by_role("alertdialog")).to_contain_text("12 images has to be looked at again")
    panel.get_by_role("button", name="Look at them anew").click()
    expect(chip).to_have_count(1)
    expect(chip).to_be_hidden()
    expect(desk.cards.first).to_be_visible()
    assert (
        np.abs(
            card_pixels(desk)
            - expected(prepared.images, desk.ids()[0], Rendering(stretch="asinh", rgb=("R", "R", "R")))
        ).mean()
        < 6
    )
    desk.press("a")
    desk.expect_saved()
    kept = Config.load(prepared.session / "config.toml")
    assert (kept.pixels.stretch, kept.shown.own) == ("asinh", False)


def test_the_closeup_stretches_native_values_and_says_them(desk: Desk, prepared: Prepared) -> None:
    name = desk.ids()[1]
    desk.press("Home", "ArrowRight", "Space")
    expect(desk.page.locator(".am-zoom")).to_have_attribute("data-shown", name)
    pool = open_pool(prepared.images, Config.load(prepared.session / "config.toml").pixels)
    image = pool.native(pool.index(name))

    def shown() -> np.ndarray:
        return np.array(desk.page.locator(".am-zoom-canvas").evaluate(SHOWN)).reshape(24, 24, 3)

    assert np.abs(shown() - pool.rendering.picture(image).astype(int)).max() <= 2
    native = desk.page.get_by_role("group", name="native values")
    # One band in grey, linearly.
    native.get_by_role("button", name="I", exact=True).or_(
        native.get_by_role("button", name="i")
    ).first.click()
    native.get_by_label("stretch").select_option("sqrt")
    root = pool.rendering.model_copy(update={"stretch": "sqrt", "softening": None, "rgb": ("I", "I", "I")})
    assert np.abs(shown() - root.picture(image).astype(int)).max() <= 2
    before = shown().sum()
    native.get_by_label("white").fill("-0.5")
    assert shown().sum() > before
    # The value under the pointer is the file's.
    box = desk.page.locator(".am-zoom-canvas").bounding_box()
    assert box is not None
    desk.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    pixel = desk.page.locator(".am-zoom-pixel")
    expect(pixel).to_contain_text("x 1")
    text = pixel.text_content() or ""
    x, y = (int(number) for number in re.findall(r"[xy] (\d+)", text))
    said = [float(value) for value in re.findall(r"[GRI] (-?[\d.e-]+)", text)]
    assert said == pytest.approx(image.values[:, y, x].tolist(), rel=1e-4)
    native.get_by_role("button", name="blink").click()
    expect(native.get_by_role("button", name="blink")).to_have_attribute("aria-pressed", "true")
    native.get_by_role("button", name="as the page").click()
    assert np.abs(shown() - pool.rendering.picture(image).astype(int)).max() <= 2
