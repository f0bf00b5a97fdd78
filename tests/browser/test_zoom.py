from __future__ import annotations

import re

import numpy as np
import pytest
from card_pixels import PIXELS
from desk import Desk
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from serving import Prepared

pytestmark = pytest.mark.browser

SUM = """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data
    .reduce((sum, value) => sum + value, 0)"""


@pytest.fixture(scope="module")
def prepared(prepared_once: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("zoom")
    return prepared_once.copied_to(folder)


def zoom(desk: Desk) -> Locator:
    return desk.page.get_by_role("dialog", name="close-up")


def expect_shown(desk: Desk, image_id: str) -> None:
    expect(desk.page.locator(".am-zoom")).to_have_attribute("data-shown", image_id)
    expect(desk.page.locator(".am-zoom-name")).to_have_text(image_id)


def opened(desk: Desk, position: int = 0) -> str:
    """Open the close-up of a card, and give its id."""
    image_id = desk.ids()[position]
    desk.press("Home", *["ArrowRight"] * position, "Space")
    expect_shown(desk, image_id)
    return image_id


def row(desk: Desk, name: str) -> Locator:
    """Find a value in the column beside the picture."""
    return desk.page.locator(f".am-zoom-list dt:text-is('{name}') + dd").first


def test_space_shows_every_pixel_of_the_image_as_a_sharp_square(desk: Desk, prepared: Prepared):
    name = opened(desk)
    shown = desk.page.locator(".am-zoom-canvas").evaluate(
        """canvas => {
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return [canvas.width, canvas.height, [...data]];
        }"""
    )
    canvas = np.array(shown[2]).reshape(shown[1], shown[0], 4)
    image = np.asarray(Image.open(prepared.images / name).convert("RGB"))
    times = min(shown[0], shown[1]) // 32
    assert times > 5
    magnified = image.repeat(times, 0).repeat(times, 1)
    top, left = (np.array(canvas.shape[:2]) - magnified.shape[:2] + 1) // 2
    inside = canvas[top : top + 32 * times, left : left + 32 * times]
    np.testing.assert_array_equal(inside[..., :3], magnified)
    assert np.count_nonzero(canvas[..., 3]) == (32 * times) ** 2
    expect(desk.page.locator(".am-zoom-scale")).to_have_text(f"{times}×")


def test_what_is_known_of_the_image_stands_beside_it(desk: Desk, prepared: Prepared):
    name = opened(desk, 1)
    size = (prepared.images / name).stat().st_size
    expect(row(desk, "size")).to_have_text("32 × 32 px")
    expect(row(desk, "format")).to_have_text("JPEG")
    expect(row(desk, "file")).to_have_text(f"{size:,} bytes")
    expect(row(desk, "rank")).to_have_text(re.compile(r"^\d+ of 1[23]\d$"))  # of those without a label
    expect(row(desk, "label")).to_have_text("none")
    expect(desk.page.locator(".am-zoom-chart")).to_have_count(0)  # before the second cycle


def test_the_wheel_zooms_at_the_cursor_and_a_drag_moves_the_picture(desk: Desk):
    opened(desk)
    page = desk.page
    box = page.locator(".am-zoom-canvas").bounding_box()
    pixel = page.locator(".am-zoom-pixel")
    assert box is not None
    x, y = box["x"] + box["width"] / 2 + 61, box["y"] + box["height"] / 2 - 43
    page.mouse.move(x, y)
    expect(pixel).to_have_text(re.compile(r"^x \d+, y \d+: R \d+ G \d+ B \d+$"))
    before = pixel.inner_text()
    scale = page.locator(".am-zoom-scale").inner_text()
    page.mouse.wheel(0, -250)
    expect(page.locator(".am-zoom-scale")).not_to_have_text(scale)
    page.mouse.move(x + 1, y)
    page.mouse.move(x, y)
    expect(pixel).to_have_text(before)
    page.mouse.down()
    page.mouse.move(x + 90, y + 50, steps=3)
    page.mouse.up()
    expect(pixel).to_have_text(before)  # the pixel went along
    desk.press("f")
    expect(page.locator(".am-zoom-scale")).to_have_text(scale)
    desk.press("1")
    expect(page.locator(".am-zoom-scale")).to_have_text("1×")
    desk.press("+", "+")
    expect(page.locator(".am-zoom-scale")).to_have_text("4×")


def test_a_drag_with_shift_changes_the_contrast_here_and_on_the_cards(desk: Desk):
    opened(desk)
    page = desk.page
    box = page.locator(".am-zoom-canvas").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    first = page.locator(".am-zoom-canvas").evaluate(SUM)
    card = desk.cards.nth(5)
    before = sum(card.evaluate(PIXELS))
    page.mouse.move(x, y)
    page.keyboard.down("Shift")
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    assert page.locator(".am-zoom-canvas").evaluate(SUM) < first
    expect(zoom(desk).locator(".am-look-chip")).to_have_text("contrast ×")
    assert sum(card.evaluate(PIXELS)) < before
    desk.press("0")
    expect(zoom(desk).locator(".am-look-chip")).to_be_hidden()
    assert page.locator(".am-zoom-canvas").evaluate(SUM) == first


def test_label_keys_work_inside_and_go_on_to_the_next_image(desk: Desk, prepared: Prepared):
    before = len(prepared.journal())
    ids = desk.ids()
    opened(desk, 2)
    desk.press("a")
    expect_shown(desk, ids[3])
    desk.press("n")
    expect_shown(desk, ids[4])
    desk.press("ArrowLeft")
    expect_shown(desk, ids[3])
    expect(row(desk, "label")).to_have_text("● nominal")
    expect(row(desk, "by")).to_contain_text(": nominal")
    desk.press("Backspace")
    expect(row(desk, "label")).to_have_text("none")
    expect(desk.page.locator(".am-zoom-list dt:text-is('by')")).to_have_count(0)
    desk.press("Escape")
    expect(desk.card(ids[2])).to_have_attribute("data-label", "anomaly")
    desk.expect_saved()
    assert prepared.journal()[before:] == [(ids[2], "anomaly"), (ids[3], "nominal"), (ids[3], None)]


def test_an_undo_inside_shows_the_image_it_changes(desk: Desk):
    ids = desk.ids()
    opened(desk, 8)
    desk.press("u")
    expect_shown(desk, ids[9])
    desk.press("z")
    expect_shown(desk, ids[8])
    expect(row(desk, "label")).to_have_text("none")


def test_beyond_the_last_image_of_a_page_the_next_page_goes_on(desk: Desk):
    last = desk.ids()[-1]
    desk.press("End", "Space")
    expect_shown(desk, last)
    desk.press("ArrowRight")
    expect(desk.page.locator(".am-page")).to_have_text("page 2 of 3")
    expect_shown(desk, desk.ids()[0])
    desk.press("ArrowLeft")
    expect(desk.page.locator(".am-page")).to_have_text("page 1 of 3")
    expect_shown(desk, last)


def test_the_keys_and_the_focus_stay_inside_until_it_closes(desk: Desk):
    ids = desk.ids()
    opened(desk)
    for _ in range(25):
        desk.press("Tab")
        assert zoom(desk).evaluate("dialog => dialog.contains(document.activeElement)")
    expect(zoom(desk)).to_have_attribute("aria-modal", "true")
    desk.press("Escape")
    expect(zoom(desk)).to_have_count(0)
    expect(desk.grid).to_be_focused()
    expect(desk.active.locator(".am-name")).to_have_attribute("title", ids[0])
    desk.press("Space")
    expect_shown(desk, ids[0])
    desk.press("Space")
    expect(zoom(desk)).to_have_count(0)


def test_a_neighbour_opens_by_a_click_and_leads_back(desk: Desk):
    name = opened(desk)
    neighbours = zoom(desk).locator(".am-zoom-thumbnail")
    expect(neighbours).to_have_count(8)
    other = neighbours.nth(2).get_attribute("title")
    assert other is not None
    neighbours.nth(2).click()
    expect_shown(desk, other)
    zoom(desk).get_by_role("button", name="‹ back").click()
    expect_shown(desk, name)
    desk.press("Escape")
    expect(zoom(desk)).to_have_count(0)


def test_an_image_of_another_page_is_labelled_and_taken_back_in_the_close_up(desk: Desk, prepared: Prepared):
    opened(desk)
    neighbours = zoom(desk).locator(".am-zoom-thumbnail")
    expect(neighbours).to_have_count(8)
    names = [one.get_attribute("title") for one in neighbours.all()]
    position, other = next((at, name) for at, name in enumerate(names) if name not in desk.ids())
    before = prepared.journal()
    neighbours.nth(position).focus()
    desk.press("Enter")
    expect_shown(desk, other)
    label = zoom(desk).locator(".am-zoom-list")
    former = dict(before).get(other)
    new = "unsure" if former != "unsure" else "nominal"
    desk.press(new[0])
    desk.expect_saved()
    expect(label).to_contain_text(new)
    desk.press("z")
    expect(label).not_to_contain_text(new)
    desk.press(new[0])
    expect(label).to_contain_text(new)
    desk.press("Backspace")
    expect(label).not_to_contain_text(new)
    desk.expect_saved()
    assert prepared.journal() == [*before, (other, new), (other, former), (other, new), (other, None)]


def test_an_image_that_has_gone_is_a_sentence_and_the_others_go_on(desk: Desk, prepared: Prepared):
    ids = desk.ids()
    gone = ids[20]
    (prepared.images / gone).rename(prepared.images / "moved.away")
    desk.press("Home", *["ArrowRight"] * 20, "Space")
    expect(zoom(desk)).to_contain_text(f"The image {gone} cannot be read (no longer there).")
    desk.press("ArrowRight")
    expect_shown(desk, ids[21])
    (prepared.images / "moved.away").rename(prepared.images / gone)


def test_the_score_of_each_cycle_is_drawn_as_a_line(page: Page):
    from anomalymatch_ui.app.scripts import APP, joined

    script = joined(APP / "closeup" / "zoomfacts.js")
    page.set_content("<main></main>")
    page.evaluate(
        f"() => {{ {script}\ndocument.querySelector('main').append(historyChart([[1, 0.25], [3, 1]])); }}"
    )
    chart = page.get_by_role("img", name="score by cycle: cycle 1: 0.250, cycle 3: 1.000")
    expect(chart).to_be_visible()
    points = chart.locator("polyline").get_attribute("points")
    assert points is not None
    (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in points.split())
    assert x2 > x1
    assert y2 < y1
