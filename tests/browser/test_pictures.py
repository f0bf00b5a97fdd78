from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from desk import Desk
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from serving import Prepared, Serve, Served

pytestmark = pytest.mark.browser


@pytest.fixture
def prepared(prepared_once: Prepared, tmp_path: Path) -> Prepared:
    return prepared_once.copied_to(tmp_path)


@pytest.fixture
def served(page: Page, prepared: Prepared, serve: Serve):
    with serve(prepared.images, prepared.session) as served:
        yield served
        page.goto("about:blank")


def chart(page: Page, heading: str) -> Locator:
    return page.get_by_role("region", name=heading)


def open_map(page: Page) -> Locator:
    page.keyboard.press("p")
    page.get_by_role("tab", name="Map").click()
    expect(page.locator(".am-map")).to_have_attribute("data-painted", "150")
    return page.locator(".am-map-frame")


def colours(frame: Locator) -> int:
    """Count the pixels of the map that are not its ground."""
    pixels = np.asarray(Image.open(io.BytesIO(frame.screenshot())).convert("RGB")).astype(int)
    inner = pixels[5:-5, 5:-5]
    return int((np.abs(inner - inner[0, 0]).sum(axis=2) > 60).sum())


def test_p_opens_and_closes_the_pictures_and_the_keys_go_on_labelling(page: Page, served: Served):
    desk = Desk(page).open(served.address)
    drawer = page.locator(".am-drawer")
    expect(drawer).to_be_hidden()
    width = desk.grid.bounding_box()["width"]
    desk.press("p")
    expect(drawer).to_be_visible()
    assert desk.grid.bounding_box()["width"] < width
    first = desk.ids()[0]
    page.get_by_role("tab", name="Map").click()
    desk.press("a")
    expect(desk.card(first)).to_have_attribute("data-label", "anomaly")
    desk.press("p")
    expect(drawer).to_be_hidden()
    page.get_by_role("button", name=re.compile("^pictures")).click()
    expect(drawer).to_be_visible()
    page.get_by_role("tab", name="Map").focus()
    desk.press("p")
    expect(drawer).to_be_hidden()
    expect(desk.grid).to_be_focused()


def test_the_charts_have_the_numbers_of_the_journal_and_follow_it(page: Page, served: Served):
    desk = Desk(page).open(served.address)
    desk.press("p")
    found = chart(page, "Anomalies found")
    expect(found).to_contain_text("4 anomalies in 14 images looked at.")
    desk.press("a", "n")
    expect(found).to_contain_text("5 anomalies in 16 images looked at.")
    found.get_by_text("Numbers").click()
    expect(found.get_by_role("row").nth(17)).to_contain_text("16")
    expect(found.get_by_role("row").nth(17)).to_contain_text("5")
    expect(chart(page, "Scores of all images")).to_contain_text("150 images have a score.")
    expect(chart(page, "Anomalies at the top")).to_contain_text("The ranking has learnt from these labels")
    expect(found.get_by_role("img")).to_have_accessible_name(re.compile("5 anomalies in 16 images looked at"))


def test_pointing_at_a_chart_tells_the_number(page: Page, served: Served):
    Desk(page).open(served.address).press("p")
    found = chart(page, "Anomalies found")
    expect(found).to_contain_text("4 anomalies in 14")
    found.locator(".am-chart").hover()
    expect(found.locator(".am-tip")).to_contain_text("looked at")


def test_what_is_pointed_at_is_still_told_when_a_label_draws_the_chart_anew(page: Page, served: Served):
    desk = Desk(page).open(served.address)
    desk.press("p")
    found = chart(page, "Anomalies found")
    expect(found).to_contain_text("4 anomalies in 14")
    found.locator(".am-chart").hover()
    guide = found.locator(".am-guide")
    expect(guide).to_have_attribute("visibility", "visible")
    before = found.locator(".am-tip").inner_text()
    desk.press("a", "n")
    expect(found).to_contain_text("5 anomalies in 16")
    expect(guide).to_have_attribute("visibility", "visible")
    expect(found.locator(".am-tip")).not_to_have_text(before)
    desk.grid.hover(position={"x": 5, "y": 5})
    expect(guide).to_have_attribute("visibility", "hidden")
    desk.press("a")
    expect(found).to_contain_text("6 anomalies in 17")
    expect(guide).to_have_attribute("visibility", "hidden")


def test_without_labels_the_charts_say_what_is_missing(page: Page, serve: Serve, prepared: Prepared):
    with serve(prepared.images, prepared.session.with_name("new")) as served:
        desk = Desk(page).open(served.address)
        desk.press("p")
        expect(chart(page, "Anomalies at the top")).to_contain_text(
            re.compile("No image in the ranking|no ranking yet")
        )
        expect(chart(page, "Anomalies found")).to_contain_text("Nothing has been labelled yet")
        page.goto("about:blank")


def test_a_lasso_on_the_map_lists_what_it_surrounds(page: Page, served: Served):
    desk = Desk(page).open(served.address)
    frame = open_map(page)
    assert colours(frame) > 300
    box = frame.bounding_box()
    middle = box["x"] + box["width"] / 2
    page.get_by_role("button", name="Lasso").click()
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    corners = [
        (middle, box["y"] + 2),
        (middle, box["y"] + box["height"] - 2),
        (box["x"] + 2, box["y"] + box["height"] - 2),
    ]
    for corner in corners:
        page.mouse.move(*corner, steps=8)
    page.mouse.up()
    expect(page.locator(".am-map-sentence")).to_contain_text(" selected.")
    listed = int(page.locator(".am-map-sentence").inner_text().split()[0])
    assert 0 < listed < 150
    expect(page.locator(".am-range")).to_contain_text(f"of {listed} ")
    # A corner in which there is no point: what is listed stays.
    page.get_by_role("button", name="Lasso").click()
    page.mouse.move(box["x"] + 1, box["y"] + 1)
    page.mouse.down()
    for x, y in ((6, 1), (6, 6), (1, 6)):
        page.mouse.move(box["x"] + x, box["y"] + y)
    page.mouse.up()
    expect(page.locator(".am-map-sentence")).to_contain_text("There are no images inside.")
    expect(page.locator(".am-range")).to_contain_text(f"of {listed} ")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".am-range")).to_contain_text("unlabelled")
    assert len(desk.ids()) == 60


def test_pointing_at_the_map_shows_the_image_and_a_click_lists_it(page: Page, served: Served):
    desk = Desk(page).open(served.address)
    frame = open_map(page)
    box = frame.bounding_box()
    preview = page.locator(".am-preview")
    for step in range(400):
        x, y = (step * 0.37) % 1, (step * 0.61) % 1
        page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        if "am-pointing" in frame.get_attribute("class"):
            break
    expect(preview).to_be_visible()
    name = preview.locator("div div").first.inner_text()
    expect(preview.locator("img")).to_have_js_property("naturalWidth", 128)
    page.mouse.down()
    page.mouse.up()
    expect(page.locator(".am-range")).to_contain_text(f"like {name}")
    assert desk.ids()[0] == name


def test_without_webgl_the_map_says_so_and_is_drawn_all_the_same(page: Page, served: Served):
    # As Chromium does with --disable-3d-apis.
    page.add_init_script(
        """const context = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...options) {
            return kind.startsWith("webgl") ? null : context.call(this, kind, ...options);
        };"""
    )
    Desk(page).open(served.address)
    frame = open_map(page)
    expect(page.locator(".am-map-sentence")).to_contain_text("This browser has no WebGL")
    assert colours(frame) > 300
