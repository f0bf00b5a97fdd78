from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from card_pixels import PIXELS
from desk import Desk
from playwright.sync_api import Locator, Page, WebSocket, expect
from serving import Prepared, Served

from anomalymatch_ui.app.scripts import APP, joined

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def prepared(prepared_once: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("looking")
    return prepared_once.copied_to(folder)


@pytest.fixture
def desk(kept_desk: Desk) -> Desk:
    return kept_desk


def pixels(card: Locator) -> np.ndarray:
    """Read the pixels of a card, int ``(n, 4)``."""
    return np.array(card.evaluate(PIXELS)).reshape(-1, 4)


def expect_pixels(card: Locator, expected: np.ndarray) -> None:
    """Wait until a card shows these pixels; it is painted before the next frame."""
    card.page.wait_for_function(
        f"""async ([card, expected]) =>
            (await ({PIXELS})(card)).every((value, at) => value === expected[at])""",
        arg=[card.element_handle(), expected.ravel().tolist()],
    )


def negative(original: np.ndarray) -> np.ndarray:
    inverted = 255 - original
    inverted[:, 3] = 255
    return inverted


def chip(desk: Desk) -> Locator:
    return desk.page.locator(".am-look-chip")


def drag(desk: Desk, card: Locator, right: int, up: int) -> None:
    box = card.locator(".am-image").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    desk.page.mouse.move(x, y)
    desk.page.mouse.down()
    desk.page.mouse.move(x + right, y - up, steps=4)
    desk.page.mouse.up()


def test_i_inverts_every_image_of_the_page_and_again_gives_it_back(desk: Desk):
    desk.press("ArrowRight", "ArrowLeft")  # from the first key on the cards keep their places
    cards = [desk.cards.nth(0), desk.cards.nth(59)]
    originals = [pixels(card) for card in cards]
    assert originals[0][:, :3].std() > 0
    desk.press("i")
    for card, original in zip(cards, originals, strict=True):
        expect_pixels(card, negative(original))
    desk.press("i")
    for card, original in zip(cards, originals, strict=True):
        expect_pixels(card, original)


def test_looking_sends_no_message(page: Page, served: Served):
    sent: list[Any] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda payload: sent.append(payload))

    page.on("websocket", listen)
    desk = Desk(page).open(served.address)
    desk.press("ArrowRight", "ArrowLeft")  # the first key is told to the kernel
    expect(desk.active).to_have_count(1)
    page.get_by_role("button", name="Look", exact=True).click()
    original = pixels(desk.cards.nth(0))
    del sent[:]
    page.get_by_label("Stretch").select_option("asinh")
    page.get_by_label("Limits").select_option("zscale")
    page.get_by_label("Colour map").select_option("viridis")
    page.get_by_label("Brightness").press("ArrowRight")
    page.keyboard.press("Escape")
    desk.press("[", "}", "i")
    assert not np.array_equal(pixels(desk.cards.nth(0)), original)
    drag(desk, desk.cards.nth(2), 60, 30)
    comm_messages = [
        payload for payload in sent if "comm_msg" in (payload if isinstance(payload, str) else str(payload))
    ]
    assert comm_messages == []
    page.goto("about:blank")


def test_the_stretch_lifts_what_is_faint(desk: Desk):
    original = pixels(desk.cards.nth(0))
    desk.page.get_by_role("button", name="Look", exact=True).click()
    desk.page.get_by_label("Stretch").select_option("sqrt")
    expected = np.rint(255 * np.sqrt(original / 255)).astype(int)
    expect_pixels(desk.cards.nth(0), expected)


def test_a_band_that_is_switched_off_is_black_and_the_last_one_stays(desk: Desk):
    original = pixels(desk.cards.nth(0))
    page = desk.page
    page.get_by_role("button", name="Look", exact=True).click()
    page.get_by_label("R", exact=True).uncheck()
    page.get_by_label("B", exact=True).uncheck()
    expect_pixels(desk.cards.nth(0), original * [0, 1, 0, 1])
    page.get_by_label("G", exact=True).click()
    expect(page.get_by_label("G", exact=True)).to_be_checked()
    expect_pixels(desk.cards.nth(0), original * [0, 1, 0, 1])


def test_a_drag_to_the_right_makes_all_images_darker_and_a_key_takes_it_back(desk: Desk):
    first, other = desk.cards.nth(1), desk.cards.nth(20)
    originals = pixels(first), pixels(other)
    drag(desk, first, 80, 0)  # of 400: a fifth of the range
    for card, original in zip((first, other), originals, strict=True):
        expect_pixels(card, np.column_stack([(original[:, :3] - 51).clip(0), original[:, 3]]))
    desk.press("0")
    expect_pixels(first, originals[0])
    expect_pixels(other, originals[1])


def test_a_double_click_opens_the_close_up_of_the_image_and_changes_no_look(desk: Desk):
    second = desk.cards.nth(1)
    original = pixels(second)
    second.locator(".am-image").dblclick()
    expect(desk.page.get_by_role("dialog", name="close-up")).to_be_visible()
    expect(desk.page.locator(".am-zoom-name")).to_contain_text(
        second.locator(".am-name").text_content() or ""
    )
    desk.press("Escape")
    expect_pixels(second, original)


@pytest.mark.parametrize("side", [64, 96])
def test_small_cards_have_their_name_and_their_buttons_too(desk: Desk, side: int):
    desk.page.locator(".am-slider").fill(str(side))
    card = desk.cards.nth(0)
    expect(card.locator(".am-name")).to_be_visible()
    box = card.bounding_box()
    assert box is not None
    for part in card.locator(".am-name, .am-label").all():
        inner = part.bounding_box()
        assert inner is not None
        assert inner["y"] + inner["height"] <= box["y"] + box["height"]
        assert inner["x"] + inner["width"] <= box["x"] + box["width"]
    card.get_by_role("button", name="nominal:").click()
    expect(card).to_have_attribute("data-label", "nominal")
    desk.press("z")


def test_a_press_that_leaves_the_cards_at_once_changes_nothing_when_the_pointer_is_back(desk: Desk):
    card = desk.cards.nth(0)
    original = pixels(card)
    box = card.locator(".am-image").bounding_box()
    assert box is not None
    desk.page.mouse.move(box["x"] + 5, box["y"] + 5)
    desk.page.mouse.down()
    desk.page.mouse.move(box["x"] + 5, 2)
    desk.page.mouse.up()
    desk.page.mouse.move(box["x"] + 90, box["y"] + 5, steps=4)
    expect(chip(desk)).to_be_hidden()
    expect_pixels(card, original)


def test_with_only_this_image_the_others_stay_and_it_keeps_its_look_over_a_reload(desk: Desk):
    page = desk.page
    first, other = desk.cards.nth(0), desk.cards.nth(1)
    originals = pixels(first), pixels(other)
    page.get_by_role("button", name="Look", exact=True).click()
    page.get_by_label("Only this image").check()
    page.get_by_label("Invert").check()
    expect_pixels(first, negative(originals[0]))
    expect_pixels(other, originals[1])
    expect(chip(desk)).to_have_text("one image of its own ×")
    page.reload()
    desk.wait()
    expect_pixels(first, negative(originals[0]))
    expect_pixels(other, originals[1])


def test_a_drag_with_shift_changes_this_image_alone(desk: Desk):
    first, other = desk.cards.nth(3), desk.cards.nth(4)
    originals = pixels(first), pixels(other)
    desk.page.keyboard.down("Shift")
    drag(desk, first, 80, 0)
    desk.page.keyboard.up("Shift")
    expect_pixels(first, np.column_stack([(originals[0][:, :3] - 51).clip(0), originals[0][:, 3]]))
    expect_pixels(other, originals[1])


def test_the_look_survives_a_page_turn_and_a_reload_and_one_click_takes_it_back(desk: Desk):
    page = desk.page
    original = pixels(desk.cards.nth(0))
    expect(chip(desk)).to_be_hidden()
    desk.press("i")
    expect(chip(desk)).to_have_text("inverted ×")
    desk.press("PageDown")
    expect(page.locator(".am-page")).to_have_text("page 2 of 3")
    dark = pixels(desk.cards.nth(0))[:, :3]
    assert np.median(dark) > 200  # the sky
    page.reload()
    desk.wait()
    expect_pixels(desk.cards.nth(0), negative(original))
    chip(desk).click()
    expect_pixels(desk.cards.nth(0), original)
    expect(chip(desk)).to_be_hidden()


def test_the_controls_are_named_and_reached_by_keys_alone(desk: Desk):
    page = desk.page
    page.get_by_role("button", name="Look", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Stretch")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Stretch")).to_have_value("asinh")
    for role, name in (
        ("combobox", "Limits"),
        ("slider", "Brightness"),
        ("slider", "Contrast"),
        ("combobox", "Colour map"),
        ("checkbox", "R"),
        ("checkbox", "G"),
        ("checkbox", "B"),
        ("checkbox", "Invert"),
    ):
        page.keyboard.press("Tab")
        expect(page.get_by_role(role, name=name, exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("group", name="look")).to_be_hidden()
    expect(desk.grid).to_be_focused()
    desk.press("0")
    expect(chip(desk)).to_be_hidden()


def test_a_look_set_by_a_script_is_taken_over_once_even_where_nothing_is_remembered(page: Page):
    # A page without an origin is forbidden to remember anything.
    script = joined(APP / "looking" / "looks.js")
    result = page.evaluate(
        f"""() => {{
            {script}
            const looks = new Looks();
            const asked = {{ ...ORIGINAL_LOOK, stretch: "asinh" }};
            looks.script(asked);
            const first = looks.page.stretch;
            looks.change({{ stretch: "log" }});
            looks.script({{ ...asked }});
            const kept = looks.page.stretch;
            looks.script(null);
            return [first, kept, looks.page.stretch];
        }}"""
    )
    assert result == ["asinh", "log", "log"]
