from __future__ import annotations

import pytest
from desk import Desk
from playwright.sync_api import Locator, expect
from serving import Prepared

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def prepared(prepared_once: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("selection")
    return prepared_once.copied_to(folder)


@pytest.fixture
def desk(kept_desk: Desk) -> Desk:
    return kept_desk


def picture(desk: Desk, position: int) -> Locator:
    return desk.cards.nth(position).locator(".am-image")


def test_arrows_with_shift_extend_a_range_and_take_it_in_again(desk: Desk):
    ids = desk.ids()
    desk.press("ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight")
    assert desk.selected() == ids[1:4]
    desk.press("Shift+ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowLeft")
    assert desk.selected() == ids[:2]
    assert desk.active_id() == ids[0]
    desk.press("Shift+End")
    assert desk.selected() == ids[1:]
    desk.press("ArrowLeft")
    assert desk.selected() == []


def test_one_key_labels_all_that_is_selected_as_one_action(desk: Desk, prepared: Prepared):
    before = len(prepared.journal())
    ids = desk.ids()
    desk.press("Shift+ArrowRight", "Shift+ArrowRight", "n")
    assert desk.labels() == dict.fromkeys(ids[:3], "nominal")
    assert desk.selected() == []
    assert desk.active_id() == ids[3]
    desk.expect_saved()
    assert prepared.journal()[before:] == [(name, "nominal") for name in ids[:3]]
    desk.press("z")
    expect(desk.page.locator(".am-card[data-label]")).to_have_count(0)


def test_clicks_with_shift_and_ctrl_select_ranges_and_single_cards(desk: Desk):
    ids = desk.ids()
    picture(desk, 2).click()
    assert desk.selected() == []
    picture(desk, 4).click(modifiers=["Shift"])
    assert desk.selected() == ids[2:5]
    picture(desk, 3).click(modifiers=["ControlOrMeta"])
    assert desk.selected() == [ids[2], ids[4]]
    picture(desk, 7).click(modifiers=["ControlOrMeta"])
    assert desk.selected() == [ids[2], ids[4], ids[7]]
    expect(desk.bar).to_contain_text("3 selected")
    picture(desk, 0).click()
    assert desk.selected() == []


def test_the_whole_page_is_selected_and_dropped_by_a_key(desk: Desk):
    desk.press("Control+a")
    assert desk.selected() == desk.ids()
    desk.press("Escape")
    assert desk.selected() == []


def test_a_rubber_band_over_the_background_selects_what_it_touches(desk: Desk):
    ids = desk.ids()
    columns = desk.page.locator(".am-row").first.get_by_role("gridcell").count()
    start, end = desk.grid.bounding_box(), picture(desk, columns + 2).bounding_box()
    assert start is not None
    assert end is not None
    mouse = desk.page.mouse
    mouse.move(start["x"] + 3, start["y"] + 3)
    mouse.down()
    mouse.move(end["x"] - 20, end["y"] - 20)
    mouse.move(end["x"] + 10, end["y"] + 10)
    expect(desk.page.locator(".am-band")).to_be_visible()
    mouse.up()
    expect(desk.page.locator(".am-band")).to_have_count(0)
    assert desk.selected() == [*ids[:3], *ids[columns : columns + 3]]
    assert desk.labels() == {}


def test_with_alt_a_rubber_band_begins_on_an_image(desk: Desk):
    ids = desk.ids()
    start, end = picture(desk, 1).bounding_box(), picture(desk, 3).bounding_box()
    assert start is not None
    assert end is not None
    mouse = desk.page.mouse
    desk.page.keyboard.down("Alt")
    mouse.move(start["x"] + 10, start["y"] + 10)
    mouse.down()
    mouse.move(end["x"] + 10, end["y"] + 20, steps=3)
    mouse.up()
    desk.page.keyboard.up("Alt")
    assert desk.selected() == ids[1:4]


def test_a_turned_page_begins_without_a_selection(desk: Desk):
    desk.press("Control+a", "PageDown")
    expect(desk.page_text).to_contain_text("page 2")
    assert desk.selected() == []
