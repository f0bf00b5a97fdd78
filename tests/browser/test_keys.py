from __future__ import annotations

import pytest
from desk import Desk
from playwright.sync_api import expect
from serving import Prepared

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def prepared(prepared_once: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("keys")
    return prepared_once.copied_to(folder)


@pytest.fixture
def desk(kept_desk: Desk) -> Desk:
    return kept_desk


def test_the_list_of_keys_has_every_action_and_the_keys_until_it_is_closed(desk: Desk):
    desk.press("?")
    expect(desk.overlay).to_be_visible()
    for words in ("anomaly", "take the label away", "the rest of this page is nominal", "redo", "train"):
        expect(desk.overlay).to_contain_text(words)
    desk.press("a", "PageDown")
    assert desk.labels() == {}
    expect(desk.page_text).to_contain_text("page 1")
    desk.press("Escape")
    expect(desk.overlay).to_have_count(0)
    expect(desk.grid).to_be_focused()


def test_the_focus_stays_in_the_list_of_keys(desk: Desk):
    desk.press("?", "Tab", "Tab", "Shift+Tab")
    expect(desk.overlay.get_by_role("button", name="close")).to_be_focused()
    desk.press("Enter")
    expect(desk.grid).to_be_focused()


def test_a_button_shows_its_key_and_does_what_the_key_does(desk: Desk):
    first, second = desk.ids()[:2]
    button = desk.bar.get_by_role("button", name="unsure")
    expect(button).to_contain_text("U")
    button.click()
    expect(desk.card(first)).to_have_attribute("data-label", "unsure")
    assert desk.active_id() == second
    desk.press("z")
    expect(desk.page.locator(".am-card[data-label]")).to_have_count(0)


def test_the_card_with_the_ring_is_scrolled_to_and_a_new_page_begins_at_its_top(desk: Desk):
    assert desk.grid.evaluate("grid => grid.scrollHeight > 1.5 * grid.clientHeight")
    desk.press("End")
    expect(desk.active).to_be_in_viewport(ratio=0.99)
    desk.press("PageDown")
    expect(desk.page_text).to_contain_text("page 2")
    expect(desk.active).to_be_in_viewport(ratio=0.99)
    assert desk.grid.evaluate("grid => grid.scrollTop") == 0


def test_the_rest_of_a_page_is_nominal_by_one_key_and_one_undo(desk: Desk, prepared: Prepared):
    before = len(prepared.journal())
    ids = desk.ids()
    desk.press("a", ".")
    desk.expect_saved()
    assert desk.labels() == {ids[0]: "anomaly"} | dict.fromkeys(ids[1:], "nominal")
    expect(desk.sentence).to_contain_text(f"{len(ids) - 1} images are now labelled nominal")
    assert len(prepared.journal()) - before == len(ids)
    desk.press("z")
    expect(desk.page.locator(".am-card[data-label]")).to_have_count(1)
    desk.press("Shift+Z")
    expect(desk.page.locator(".am-card[data-label]")).to_have_count(len(ids))
    desk.press("z", "z")
    expect(desk.page.locator(".am-card[data-label]")).to_have_count(0)


def test_nothing_is_caught_inside_a_text_field(desk: Desk):
    field = desk.gallery.locator("input[type=search]")
    desk.press("/")
    expect(field).to_be_focused()
    desk.page.keyboard.type("an.z?u")
    expect(field).to_have_value("an.z?u")
    assert desk.labels() == {}
    expect(desk.overlay).to_have_count(0)
    field.fill("")
    desk.press("Escape")
    expect(desk.grid).to_be_focused()


def test_a_key_goes_by_its_place_where_letters_are_of_another_script(desk: Desk):
    first = desk.ids()[0]
    desk.grid.dispatch_event("keydown", {"key": "ф", "code": "KeyA", "bubbles": True})
    expect(desk.card(first)).to_have_attribute("data-label", "anomaly")
    desk.press("z")
    expect(desk.card(first)).not_to_have_attribute("data-label", "anomaly")


def test_combinations_that_are_not_ours_are_left_to_the_browser(desk: Desk):
    desk.page.evaluate(
        "() => addEventListener('keydown', (event) => { window.left = !event.defaultPrevented; })"
    )
    desk.press("Control+b")
    assert desk.page.evaluate("window.left") is True
    assert desk.labels() == {}


def test_alt_with_a_sign_is_not_the_sign_alone(desk: Desk):
    desk.press("Alt+.", "Alt+0")
    desk.press("ArrowRight")
    assert desk.labels() == {}


def test_a_list_without_an_image_takes_keys_all_the_same(desk: Desk):
    desk.press("/")
    desk.page.keyboard.type("no such image")
    desk.press("Enter")
    expect(desk.cards).to_have_count(0)
    expect(desk.page.locator(".am-empty")).to_be_focused()
    desk.press("a", "?")
    expect(desk.overlay).to_be_visible()
    desk.press("Escape")
    desk.press("/")
    expect(desk.page.locator(".am-search")).to_be_focused()
    desk.page.keyboard.press("Control+a")
    desk.press("Backspace")
    expect(desk.cards).to_have_count(60)
    desk.press("Escape")
    expect(desk.grid).to_be_focused()
    assert desk.labels() == {}


def test_a_click_on_the_background_leaves_the_keys_to_the_cards(desk: Desk):
    for name in ("am-header", "am-bar", "am-panel"):
        place = desk.page.evaluate(
            """name => {
                const box = document.querySelector(`.${name}`).getBoundingClientRect();
                for (let x = box.left + 2; x < box.right; x += 4)
                    for (let y = box.top + 2; y < Math.min(box.bottom, innerHeight); y += 4)
                        if (document.elementFromPoint(x, y).classList.contains(name)) return [x, y];
            }""",
            name,
        )
        desk.page.mouse.click(*place)
        expect(desk.grid).to_be_focused()
    before = desk.active_id()
    desk.press("ArrowRight")
    assert desk.active_id() != before


def test_hints_are_shown_at_the_first_visit_and_never_again_once_closed(desk: Desk):
    hints = desk.page.get_by_role("note", name="hints")
    expect(hints).to_contain_text("all keys")
    hints.get_by_role("button", name="close the hints").click()
    expect(hints).to_have_count(0)
    expect(desk.grid).to_be_focused()
    desk.page.reload()
    desk.wait()
    expect(hints).to_have_count(0)


def test_a_key_trains(desk: Desk):
    desk.press("t")
    expect(desk.offer).to_contain_text("cycle")


def test_tags_notes_and_artefacts_are_given_by_keys_shown_on_the_card_and_undone(desk: Desk):
    first, second, third = desk.ids()[:3]
    marks = desk.card(first).locator(".am-tag")
    desk.press("1")  # which has no tag yet
    expect(desk.overlay).to_contain_text("Keys 1 to 9")
    desk.page.keyboard.type("tidal tail")
    desk.press("Enter")
    expect(desk.overlay).to_have_count(0)
    desk.press("1", "o")
    desk.page.keyboard.type("two cores?")
    desk.press("Escape")  # which loses nothing
    expect(marks).to_have_text(["tidal tail", "✎"])
    desk.press("x")
    expect(desk.card(first)).to_have_attribute("data-label", "artefact")
    desk.expect_saved()
    desk.press("z", "z")
    expect(marks).to_have_text(["tidal tail"])
    desk.press("z")
    expect(marks).to_have_count(0)
    desk.press("Shift+Z", "Shift+Z", "Home", "Control+a", "1")
    expect(desk.sentence).to_contain_text("have the tag tidal tail")
    expect(desk.card(third).locator(".am-tag")).to_have_text(["tidal tail"])
    desk.press("Escape", "ArrowRight", "1")  # of the second alone
    expect(desk.card(second).locator(".am-tag")).to_have_count(0)
    desk.expect_saved()
    desk.page.reload()
    desk.wait()
    expect(desk.card(first).locator(".am-tag")).to_have_text(["tidal tail", "✎"])
    expect(desk.card(second).locator(".am-tag")).to_have_count(0)
    desk.press("Space")
    expect(desk.overlay).to_contain_text("two cores?")
    desk.press("Escape")
