from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import Desk
from playwright.sync_api import Locator, Page, expect
from serving import DISCS, RINGS, Prepared, Serve

from anomalymatch_ui.session import Session

pytestmark = pytest.mark.browser

MAGNITUDES = {f"{number:04d}.jpg": 15 + number / 10 for number in range(50, 100)}


@pytest.fixture(scope="module")
def catalogued(prepared_once: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A session with magnitudes of fifty images, of which another annotator has labelled one otherwise."""
    folder = tmp_path_factory.mktemp("catalogued")
    for name in ("images", "session"):
        shutil.copytree(getattr(prepared_once, name), folder / name)
    table = folder / "survey.csv"
    table.write_text("\n".join(["id,magnitude", *(f"{name},{mag}" for name, mag in MAGNITUDES.items())]))
    with Session.open(folder / "session", folder / "images", metadata=table, annotator="bob") as session:
        session.label(DISCS[:1], "anomaly")
    return Prepared(folder / "images", folder / "session")


@pytest.fixture(scope="module")
def prepared(catalogued: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """What the tests share that label nothing."""
    folder = tmp_path_factory.mktemp("finding")
    return catalogued.copied_to(folder)


@pytest.fixture
def desk(kept_desk: Desk) -> Desk:
    return kept_desk


@pytest.fixture
def own_desk(page: Page, catalogued: Prepared, serve: Serve, tmp_path: Path) -> Iterator[Desk]:
    """The page of a session of the test's own, on which it may label."""
    for name in ("images", "session"):
        shutil.copytree(getattr(catalogued, name), tmp_path / name)
    with serve(tmp_path / "images", tmp_path / "session") as served:
        yield Desk(page).open(served.address)
        page.goto("about:blank")


def title(desk: Desk) -> Locator:
    return desk.page.locator(".am-range")


def tally(desk: Desk) -> Locator:
    return desk.page.locator(".am-tally")


def test_a_search_is_begun_and_ended_by_keys_and_what_it_finds_is_labelled_by_one_of_them(own_desk: Desk):
    desk = own_desk
    page = desk.page
    desk.press("/")
    expect(page.locator(".am-search")).to_be_focused()
    page.keyboard.type("005")  # no key of the gallery while it is typed
    desk.press("Enter")
    expect(title(desk)).to_contain_text("of 11 unlabelled with “005”")
    expect(desk.grid).to_be_focused()
    expect(tally(desk)).to_have_text("11 match · 11 ○")
    shown = desk.ids()
    assert len(shown) == 11
    assert desk.labels() == {}

    desk.press("/", "x", "Escape")
    expect(desk.grid).to_be_focused()
    expect(page.locator(".am-search")).to_have_value("005")

    desk.press("a")
    desk.expect_saved()
    expect(tally(desk)).to_have_text("11 match · 1 ▲ · 10 ○")
    desk.press("l")
    expect(page.get_by_role("dialog")).to_contain_text("Label all 10 that are listed")
    desk.press("n")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".am-sentence")).to_have_text("10 labelled nominal · Z takes it back")
    expect(tally(desk)).to_have_text("11 match · 1 ▲ · 10 ●")
    assert desk.ids() == shown
    assert list(desk.labels().values()) == ["anomaly"] + ["nominal"] * 10

    desk.press("z")
    expect(tally(desk)).to_have_text("11 match · 1 ▲ · 10 ○")
    desk.press("b")
    expect(title(desk)).not_to_contain_text("005")


def test_a_list_that_comes_while_it_is_asked_how_to_label_another_is_left_alone(own_desk: Desk):
    desk = own_desk
    page = desk.page
    desk.press("/")
    page.keyboard.type("005")
    desk.press("Enter")
    expect(title(desk)).to_contain_text("005")
    desk.press("l")
    expect(page.get_by_role("dialog")).to_contain_text("Label all 11 that are listed")
    # As when a slow search ends only now; a person cannot click below the dialog.
    page.locator(".am-back").dispatch_event("click")
    expect(title(desk)).not_to_contain_text("005")
    expect(page.get_by_role("dialog")).to_be_visible()
    desk.press("a")
    expect(desk.sentence).to_contain_text("The list has changed meanwhile, so nothing was labelled.")
    assert desk.labels() == {}
    desk.press("a")  # of the card with the ring, as ever
    expect(page.locator(".am-card[data-label]")).to_have_count(1)


def test_orders_and_labels_are_chosen_above_the_cards(desk: Desk):
    page = desk.page
    page.get_by_label("order", exact=True).select_option("name")
    expect(title(desk)).to_contain_text("unlabelled, by name")
    expect(desk.grid).to_be_focused()
    names = desk.ids()
    assert names == sorted(names)

    page.get_by_role("button", name="the other way round").click()
    expect(title(desk)).to_contain_text("by name, backwards")
    assert desk.ids()[0] == "0149.jpg"

    page.get_by_role("button", name="only unlabelled").click()
    page.get_by_role("button", name="only anomaly").click()
    expect(title(desk)).to_contain_text("anomaly, by name, backwards")
    assert desk.ids() == [DISCS[0], *reversed(RINGS)]
    expect(page.get_by_role("button", name="only anomaly")).to_have_attribute("aria-pressed", "true")


def test_filters_take_numbers_of_the_metadata_and_say_how_many_they_are(desk: Desk):
    page = desk.page
    page.get_by_role("button", name="Filter").click()
    page.get_by_label("magnitude from").fill("20.95")
    page.get_by_label("magnitude to").fill("21.25")
    desk.press("Enter")
    expect(title(desk)).to_contain_text("with magnitude 20.95 to 21.25")
    assert sorted(desk.ids()) == ["0060.jpg", "0061.jpg", "0062.jpg"]
    expect(page.get_by_role("button", name="Filter (1)")).to_be_visible()

    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_label("magnitude from")).to_have_value("20.95")
    page.get_by_label("magnitude from").fill("22")
    desk.press("Enter")
    expect(page.locator(".am-sentence")).to_contain_text("range of magnitude from 22 to 21.25 is empty")
    expect(title(desk)).to_contain_text("20.95 to 21.25")

    page.get_by_role("button", name="Filter").click()
    page.get_by_role("button", name="Clear all").click()
    expect(title(desk)).not_to_contain_text("magnitude")


def test_more_like_this_leads_back_to_the_page_one_came_from(desk: Desk):
    desk.press("PageDown")
    expect(title(desk)).to_contain_text("61–120")
    there = desk.ids()
    desk.press("m")
    expect(title(desk)).to_contain_text(f"like {there[0]}")
    expect(desk.card(there[0])).to_contain_text("this one")
    desk.press("Escape")
    expect(title(desk)).to_contain_text("61–120")
    assert desk.ids() == there
    expect(desk.page.get_by_role("button", name="back to the list")).to_be_hidden()


def test_views_show_the_contested_and_what_people_differ_on(desk: Desk):
    views = desk.page.get_by_label("view", exact=True)
    views.select_option("audit")
    expect(title(desk)).to_contain_text("14 labels, the most contested first")
    expect(desk.card(DISCS[0])).to_contain_text("contest ")
    assert desk.ids()[0] == DISCS[0]
    views.select_option("disagreements")
    expect(desk.cards).to_have_count(1)
    expect(desk.card(DISCS[0])).to_contain_text("ada ● · bob ▲")
    desk.page.get_by_role("button", name="back to the list").click()
    expect(views).to_have_value("audit")
    views.select_option("to label")
    expect(title(desk)).to_contain_text("136 unlabelled")


def test_an_order_there_is_no_measure_for_yet_is_refused_and_the_menu_shows_the_one_in_use(desk: Desk):
    order = desk.page.get_by_label("order", exact=True)
    before = desk.ids()
    order.select_option("change")
    expect(desk.page.locator('.am-sentence[data-tone="error"]')).to_contain_text("two training cycles")
    expect(order).to_have_value("shown first")
    assert desk.ids() == before


def nothing_is_cut_off(desk: Desk) -> bool:
    row = desk.page.locator(".am-finding")
    box = row.bounding_box()
    assert box is not None
    for control in row.locator("> *:visible").all():
        inside = control.bounding_box()
        assert inside is not None
        assert inside["x"] >= box["x"]
        assert inside["x"] + inside["width"] <= box["x"] + box["width"]
    return bool(tally(desk).evaluate("node => node.scrollWidth <= node.clientWidth"))


def test_everything_fits_in_one_row_at_1280_pixels(desk: Desk):
    desk.press("m")
    expect(title(desk)).to_contain_text("like")
    assert desk.page.locator(".am-finding").evaluate("row => row.clientHeight") < 40
    assert nothing_is_cut_off(desk)


def test_counts_and_choices_stay_whole_beside_the_pictures(desk: Desk):
    desk.press("p")
    expect(desk.page.get_by_role("region", name="Anomalies found")).to_be_visible()
    assert nothing_is_cut_off(desk)
    order = desk.page.get_by_label("order", exact=True)
    assert order.evaluate("menu => menu.scrollWidth <= menu.clientWidth")
    assert order.evaluate("menu => menu.clientWidth") > 90  # "shown first", and the arrow


def test_a_drawn_card_says_in_words_that_it_is_and_why(
    page: Page, catalogued: Prepared, serve: Serve, tmp_path: Path
):
    for name in ("images", "session"):
        shutil.copytree(getattr(catalogued, name), tmp_path / name)
    with Session.open(tmp_path / "session", tmp_path / "images") as session:
        session.configure({"acquisition.random_every": 4})
        drawn = session.insight.listing().drawn[:60]
    with serve(tmp_path / "images", tmp_path / "session") as served:
        desk = Desk(page).open(served.address)
        marks = desk.cards.locator(".am-why")
        assert [mark == "drawn" for mark in marks.all_text_contents()] == drawn.tolist()
        first = desk.cards.nth(int(drawn.argmax()))
        expect(first.get_by_text("drawn", exact=True)).to_have_attribute(
            "title", re.compile("Drawn at random")
        )
        expect(first).to_have_attribute("aria-label", re.compile("drawn"))
        page.goto("about:blank")
