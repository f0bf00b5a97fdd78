"""Two people, each with a dashboard of their own, on one session folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import Desk
from faults import Faults
from playwright.sync_api import Browser, Page, expect
from serving import Prepared, Serve, open_page

from anomalymatch_ui.labels import Journal

pytestmark = pytest.mark.browser

BOB = "<script>bob</script>"


@pytest.fixture
def prepared(prepared_once: Prepared, tmp_path: Path) -> Prepared:
    return prepared_once.copied_to(tmp_path)


@pytest.fixture
def other_page(chromium: Browser, page: Page, faults: Faults) -> Iterator[Page]:
    with open_page(chromium, faults) as other:
        yield other


@pytest.fixture
def desks(page: Page, other_page: Page, prepared: Prepared, serve: Serve) -> Iterator[tuple[Desk, Desk]]:
    """Ada's dashboard, which was there first, and Bob's."""
    with (
        serve(prepared.images, prepared.session, "--annotator", "ada") as hers,
        serve(prepared.images, prepared.session, "--annotator", BOB) as his,
    ):
        ada = Desk(page).open(hers.address)
        yield ada, Desk(other_page).open(his.address)
        for left in (page, other_page):
            left.goto("about:blank")


def test_a_key_of_one_shows_on_the_card_of_the_other_and_the_reverse(
    desks: tuple[Desk, Desk], prepared: Prepared
) -> None:
    ada, bob = desks
    first, second, third = ada.ids()[:3]
    assert bob.ids()[:3] == [first, second, third]
    expect(ada.page.locator(".am-elsewhere")).to_have_count(0)
    expect(bob.page.locator(".am-elsewhere")).to_contain_text("Trained elsewhere, by ada")
    expect(bob.button("Train")).to_be_disabled()

    ada.press("a")
    expect(bob.card(first)).to_have_attribute("data-label", "anomaly")
    expect(bob.count("anomaly")).to_have_text("5")

    bob.press("ArrowRight", "n", "u")
    expect(ada.card(second)).to_have_attribute("data-label", "nominal")
    expect(ada.card(third)).to_have_attribute("data-label", "unsure")
    expect(ada.count("unsure")).to_have_text("1")
    bob.press("z")
    expect(ada.card(third)).not_to_have_attribute("data-label", "unsure")
    expect(ada.count("unsure")).to_have_text("0")

    ada.press("z")
    expect(bob.card(first)).not_to_have_attribute("data-label", "anomaly")
    expect(bob.card(second)).to_have_attribute("data-label", "nominal")
    with Journal(prepared.session / "journal.sqlite") as journal:
        assert journal.by_annotator()[BOB] == {second: "nominal"}


def test_what_one_writes_as_looked_for_stands_on_the_page_of_the_other(desks: tuple[Desk, Desk]) -> None:
    ada, bob = desks
    hers, his = (desk.page.get_by_label("What are you looking for?") for desk in desks)
    expect(hers).to_have_value("")
    hers.fill("edge-on discs,")
    hers.press("Enter")
    expect(ada.grid).to_be_focused()
    expect(his).to_have_value("edge-on discs,")
    his.press_sequentially(" warped ones")
    bob.grid.focus()
    expect(hers).to_have_value("edge-on discs, warped ones")
    # A letter typed there is no label, and Escape takes back what was typed.
    hers.press("a")
    hers.press("Escape")
    expect(hers).to_have_value("edge-on discs, warped ones")
    expect(ada.count("anomaly")).to_have_text("4")


def test_who_gives_the_label_that_another_gave_before_agrees_and_that_is_kept(
    desks: tuple[Desk, Desk], prepared: Prepared
) -> None:
    ada, bob = desks
    first = ada.ids()[0]
    ada.press("n")
    expect(bob.card(first)).to_have_attribute("data-label", "nominal")
    bob.press("Home", "n", "ArrowLeft", "n")
    bob.expect_saved()
    with Journal(prepared.session / "journal.sqlite") as journal:
        assert journal.by_annotator()[BOB] == {first: "nominal"}
        assert [entry.annotator for entry in journal.entries() if entry.image_id == first] == ["ada", BOB]


def test_what_one_trains_is_offered_to_the_other_who_has_labelled_meanwhile(
    desks: tuple[Desk, Desk],
) -> None:
    ada, bob = desks
    ada.button("Train").click()
    bob.press("a")
    bob.expect_saved()
    expect(bob.offer).to_contain_text("cycle 1")
    expect(ada.offer).to_contain_text("cycle 1")
    shown = bob.ids()[0]
    bob.press("r")
    expect(bob.page.locator(".am-range")).to_contain_text("cycle 1")
    assert shown not in bob.ids()
