"""The close-up tells where an object is, how large and how turned it is, and which archives show it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from catalogues import SCALE, positions, tile_wcs, write_catalogue, write_tile
from desk import Desk
from playwright.sync_api import expect
from serving import Prepared

from anomalymatch_ui.config import Config
from anomalymatch_ui.session import Session

pytestmark = pytest.mark.browser

X, Y = np.array([60.0, 130.0, 61.0]), np.array([60.0, 100.0, 60.0])

MARKS = """canvas => {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    const drawn = [];
    for (let at = 0; at < width * height; at += 1) {
        const [red, green, blue, alpha] = data.slice(4 * at, 4 * at + 4);
        if (alpha > 200 && Math.min(red, green, blue) > 240) drawn.push([at % width, Math.floor(at / width)]);
    }
    return [width, height, drawn];
}"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("sky")
    down, across = np.mgrid[:200, :200]
    light = sum(np.exp(-((across - i) ** 2 + (down - j) ** 2) / 40) for i, j in zip(X, Y, strict=True))
    noise = np.random.default_rng(0).normal(0, 0.05, light.shape)
    write_tile(folder / "r.fits", np.float32(light + noise), "r", BUNIT="nJy")
    columns = {"id": list("abc"), **positions(tile_wcs(200), X, Y), "size": 40, "path": "r.fits"}
    catalogue = write_catalogue(folder, columns)
    config = Config.preset("paper").with_values(
        network={"image_size": 32}, instant=False, acquisition={"same_place": 0.5}
    )
    Session.open(folder / "session", catalogue, config=config, annotator="ada").close()
    return Prepared(catalogue, folder / "session")


def test_position_scale_compass_and_links_are_those_of_the_object(desk: Desk, tmp_path: Path) -> None:
    desk.press("Home", *["ArrowRight"] * desk.ids().index("b"), "Space")
    expect(desk.page.locator(".am-zoom")).to_have_attribute("data-shown", "b")
    ra, dec = (values[1] for values in positions(tile_wcs(200), X, Y).values())
    position = desk.page.locator(".am-zoom-position span")
    said = [float(number) for number in (position.first.text_content() or "").split()]
    assert said == pytest.approx([ra, dec], abs=1e-6)
    expect(position.last).to_contain_text("+02:12:")

    links = desk.page.locator(".am-zoom-links a")
    expect(links).to_have_text(["ESASky", "Aladin Lite", "Legacy Survey", "SIMBAD", "NED"])
    for link in links.all():
        assert (link.get_attribute("target"), link.get_attribute("rel")) == ("_blank", "noopener")
    told = parse_qs(urlsplit(links.nth(2).get_attribute("href") or "").query)
    assert [float(told["ra"][0]), float(told["dec"][0])] == pytest.approx([ra, dec], abs=1e-6)

    # The bar is a round number of seconds of arc long, and north is down where rows count upwards on the sky.
    width, height, drawn = desk.page.locator(".am-zoom-marks").evaluate(MARKS)
    x, y = np.array(drawn).T
    times = min(width, height) // 40
    low_left = (x < width / 2) & (y > height - 18)
    length = (x[low_left].max() - x[low_left].min()) / times * SCALE
    assert min(abs(length - nice) / nice for nice in (0.5, 1, 2, 5)) < 0.05
    corner = x > width / 2
    middle = width - 52
    assert (x[corner] < middle - 15).any()  # east, to the left
    assert (y[corner] > height - 40).any()  # north, downwards
    desk.page.screenshot(path=tmp_path / "closeup.png")


def test_a_cone_is_a_filter_of_the_dialog(desk: Desk) -> None:
    desk.page.get_by_role("button", name="Filter …").click()
    form = desk.page.locator(".am-filters")
    ra, dec = (values[0] for values in positions(tile_wcs(200), X, Y).values())
    form.get_by_label("near").fill(f"{ra:.6f} {dec:.6f} 1")
    form.get_by_role("button", name="Find").click()
    expect(desk.page.get_by_role("button", name="Filter (1) …")).to_be_visible()
    assert sorted(desk.ids()) == ["a", "c"]


def test_one_card_stands_for_a_place_and_opens_to_the_others(desk: Desk, tmp_path: Path) -> None:
    desk.page.get_by_label("order", exact=True).select_option("name")  # which no ranking changes meanwhile
    expect(desk.page.locator(".am-range")).to_contain_text("by name")
    assert desk.ids() == ["a", "b"]
    expect(desk.card("a").locator(".am-others")).to_have_text("+1 at the same place")
    expect(desk.card("b").locator(".am-others")).to_be_hidden()
    folded = desk.page.locator(".am-folded")
    expect(folded).to_have_text("+1 at the same place")
    desk.page.screenshot(path=tmp_path / "folded.png")

    desk.press("Home", "d")
    expect(desk.cards).to_have_count(2)
    expect(desk.page.locator(".am-range")).to_contain_text("at the place of a, within 0.5″")
    assert desk.ids() == ["a", "c"]
    expect(desk.card("c").locator(".am-score")).to_have_text("0.20″ away")
    desk.page.screenshot(path=tmp_path / "opened.png")
    desk.press("b")
    expect(desk.page.locator(".am-range")).to_contain_text("unlabelled")
    assert desk.ids() == ["a", "b"]
    folded.click()
    expect(desk.page.locator(".am-range")).to_contain_text("1 place with more than one image within 0.5″")
    desk.press("b")
    expect(desk.page.locator(".am-range")).to_contain_text("unlabelled")
    desk.press("Home", "ArrowRight", "d")
    expect(desk.sentence).to_have_text("There is no other image within 0.5″ of b.")
