from __future__ import annotations

import re

import pytest
from desk import Desk
from playwright.sync_api import ViewportSize, expect
from serving import Prepared

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def screen() -> ViewportSize:
    return {"width": 3840, "height": 2160}


@pytest.fixture(scope="module")
def prepared(prepared_once: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("large")
    return prepared_once.copied_to(folder)


@pytest.fixture
def desk(kept_desk: Desk) -> Desk:
    return kept_desk


def height(desk: Desk, selector: str) -> float:
    """Return the height of a line of text, in pixels of the screen."""
    box = desk.page.locator(selector).first.bounding_box()
    assert box is not None
    return box["height"]


def test_words_are_larger_on_a_4k_screen_and_images_fill_it(desk: Desk):
    expect(desk.page.get_by_label("Size")).to_have_value("256")
    assert height(desk, ".am-name") >= 22
    assert height(desk, ".am-side .am-count") >= 30
    assert height(desk, ".am-bar .am-key-button") >= 34
    # Nothing of a card is cut off, and no card lies beside the grid.
    last = desk.page.locator(".am-card").first.evaluate(
        """card => {
            const { bottom } = card.querySelector(".am-buttons").getBoundingClientRect();
            return card.getBoundingClientRect().bottom - bottom;
        }"""
    )
    assert last >= 0
    assert desk.page.locator(".am-grid").evaluate("grid => grid.scrollWidth <= grid.clientWidth")


def test_a_rubber_band_selects_what_it_is_drawn_over_on_a_4k_screen(desk: Desk):
    first, third = desk.cards.nth(0).bounding_box(), desk.cards.nth(2).bounding_box()
    assert first is not None
    assert third is not None
    ids = desk.ids()
    mouse = desk.page.mouse
    desk.page.keyboard.down("Alt")
    mouse.move(first["x"] + 20, first["y"] + 20)
    mouse.down()
    mouse.move(third["x"] + 20, third["y"] + 60, steps=4)
    band = desk.page.locator(".am-band")
    assert band.evaluate("band => getComputedStyle(band).opacity") == "1"
    box = band.bounding_box()
    assert box is not None
    assert abs(box["x"] - (first["x"] + 20)) < 2
    mouse.up()
    desk.page.keyboard.up("Alt")
    assert desk.selected() == ids[:3]


def test_a_chart_tells_the_place_that_is_pointed_at_on_a_4k_screen(desk: Desk):
    desk.press("p")
    region = desk.page.get_by_role("region", name="Scores of all images")
    expect(region).to_contain_text(re.compile(r"[1-9]\d* images have a score"))
    chart = region.locator(".am-chart")
    # hover() waits until the drawer has its place and nothing lies over the chart.
    chart.hover()
    line = chart.locator(".am-guide")
    expect(line).to_have_attribute("visibility", "visible")
    guide, box = line.bounding_box(), chart.bounding_box()
    assert guide is not None
    assert box is not None
    assert abs(guide["x"] - (box["x"] + 0.5 * box["width"])) < 0.05 * box["width"]
