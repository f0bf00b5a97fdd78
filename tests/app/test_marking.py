"""Tags and notes between the browser and the session."""

from __future__ import annotations

from anomalymatch_ui.app.gallery.gallery import Gallery
from anomalymatch_ui.session import Session


def test_a_tag_and_a_note_from_the_browser_stand_on_the_card_and_are_undone(
    browser, gallery: Gallery, session: Session
) -> None:
    first, second = gallery.ids[:2]
    assert gallery.tags == []
    assert browser.ask(kind="tag", ids=[first, second], tag="ring", on=True)["kind"] == "saved"
    answer = browser.ask(kind="note", ids=[first], text="two cores?")
    assert answer["marked"] == [first]
    assert answer["labels"] == {}
    assert gallery.tags == ["ring"]
    assert browser.of_kind("marks")[-1]["marks"] == {
        first: {"tags": ["ring"], "note": "two cores?", "favourite": False, "interest": None}
    }
    assert gallery.page["cards"][0]["tags"] == ["ring"]
    browser.ask(kind="undo")
    assert gallery.page["cards"][0]["note"] == ""
    # A page that is drawn anew has them, too.
    gallery.next_page()
    gallery.previous_page()
    assert gallery.page["cards"][1]["tags"] == ["ring"]


def test_a_tag_given_elsewhere_comes_to_the_cards(browser, gallery: Gallery, session: Session) -> None:
    session.marking.tag(gallery.ids[2], "arc")
    gallery.heed(session.status)
    assert list(browser.of_kind("marks")[-1]["marks"]) == [gallery.ids[2]]
    sent = len(browser.received)
    gallery.heed(session.status)
    assert browser.of_kind("marks")[-1] in browser.received[:sent]


def test_names_of_tags_are_kept_or_refused_with_a_sentence(browser, gallery: Gallery) -> None:
    browser.ask(kind="name tags", names=["ring", "arc"])
    assert gallery.tags == ["ring", "arc"]
    refused = browser.ask(kind="name tags", names=["a;b"])
    assert refused["kind"] == "refused"
    assert "A tag is a word or two" in refused["sentence"]
    assert gallery.tags == ["ring", "arc"]


def test_a_star_and_an_interest_from_the_browser_stand_on_the_card_and_are_undone(
    browser, gallery: Gallery
) -> None:
    first, second = gallery.ids[:2]
    assert browser.ask(kind="favourite", ids=[first, second], on=True)["kind"] == "saved"
    assert browser.ask(kind="interest", ids=[first], value=4)["marked"] == [first]
    shown = [(card["favourite"], card["interest"]) for card in gallery.page["cards"][:3]]
    assert shown == [(True, 4), (True, None), (False, None)]
    refused = browser.ask(kind="interest", ids=[first], value=6)
    assert refused["sentence"] == "Interest is a whole number from 0 to 5, not 6."
    browser.ask(kind="undo")
    assert gallery.page["cards"][0]["interest"] is None
    browser.ask(kind="undo")
    assert not gallery.page["cards"][1]["favourite"]
