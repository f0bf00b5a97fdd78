from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anomalymatch_ui.app.gallery.gallery import Gallery
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import LABELS
from anomalymatch_ui.session import Query, Session

RINGS = [f"{number:04d}.jpg" for number in range(3)]
DISCS = [f"{number:04d}.jpg" for number in range(20, 24)]


@pytest.fixture
def ranked(session: Session) -> Session:
    session.label(RINGS, "anomaly")
    session.label(DISCS, "nominal")
    session.rank(wait=True)
    return session


def test_a_search_lists_what_matches_under_a_title_that_says_so(gallery: Gallery):
    gallery.find(sort="name", text="1.jpg", labels=("unlabelled",))
    assert gallery.ids == tuple(f"00{number}1.jpg" for number in range(6))
    assert gallery.page["title"] == "unlabelled with “1.jpg”, by name"
    assert gallery.query == Query(sort="name", text="1.jpg", labels=("unlabelled",))
    assert gallery.finding["query"]["text"] == "1.jpg"


def test_the_list_keeps_its_order_while_labels_are_given_and_the_counts_follow(gallery: Gallery):
    gallery.find(text="1.jpg", labels=("unlabelled",))
    before = gallery.ids
    gallery.label(before[:3], "nominal")
    assert gallery.ids == before
    assert (gallery.counts.images, gallery.counts.nominal, gallery.counts.unlabelled) == (6, 3, 3)
    gallery.heed(gallery._session.status)
    assert gallery.finding["counts"]["nominal"] == 3
    assert gallery.finding["remaining"] == 3


def test_all_pages_are_labelled_as_one_action_and_what_has_a_label_by_now_is_left_alone(
    gallery: Gallery, session: Session
):
    gallery.find(text="00", labels=("unlabelled",), sort="name")
    gallery.label([gallery.ids[0]], "anomaly")
    receipt = gallery.label_matching("nominal")
    assert len(receipt.labels) == 59
    assert session.labels()["0000.jpg"] == "anomaly"
    gallery.undo()
    assert dict(session.labels()) == {"0000.jpg": "anomaly"}


def test_what_is_labelled_is_listed_by_name_before_anything_is_ranked(gallery: Gallery):
    assert gallery.page["title"] == "unlabelled, not ranked yet"
    gallery.label(["0003.jpg", "0001.jpg"], "nominal")
    gallery.show_labelled()
    assert gallery.ids == ("0001.jpg", "0003.jpg")


def test_a_view_without_images_says_why(gallery: Gallery):
    gallery.show_labelled()
    assert gallery.page["empty"] == "No image has a label yet."
    gallery.show_unreadable()
    assert gallery.page["empty"] == "As far as is known, every image can be read."
    gallery.show_disagreements()
    assert gallery.page["empty"] == "There is no image on which annotators disagree."


def test_where_nothing_is_left_to_label_this_is_said(gallery: Gallery):
    gallery.find(text="nobody")
    assert gallery.page["empty"] == (
        "Nothing matches: images with “nobody”, which is searched for in the names. Remove a filter."
    )
    with pytest.raises(InputError, match="Nothing listed here"):
        gallery.label_matching("nominal")


def test_the_way_back_leads_to_the_list_and_its_page_as_it_was(gallery: Gallery):
    gallery.show_page(2)
    there = gallery.ids
    gallery.show_similar(there[4])
    assert gallery.ids[0] == there[4]
    assert gallery.finding["view"] == "similar"
    assert gallery.finding["back"] == "unlabelled, not ranked yet"
    gallery.back()
    assert gallery.ids == there
    assert gallery.number == 2
    assert gallery.finding["back"] == ""
    gallery.back()
    assert gallery.ids == there


def test_the_way_back_leads_to_the_image_though_a_page_has_another_size_by_now(gallery: Gallery):
    gallery.show_page(5)
    first = gallery.ids[0]
    gallery.show_similar(gallery.ids[4])
    gallery.page_size = 20
    gallery.back()
    assert first in gallery.ids


def test_what_label_all_would_replace_is_counted_in_every_view(ranked: Session, gallery: Gallery):
    gallery.show_unlabelled()
    assert (gallery.finding["remaining"], gallery.finding["replaces"]) == (53, 0)
    gallery.show_audit()
    assert (gallery.finding["remaining"], gallery.finding["replaces"]) == (7, 7)
    gallery.show_similar(RINGS[0], count=59)
    assert (gallery.finding["remaining"], gallery.finding["replaces"]) == (60, 7)
    gallery.find(labels=("unlabelled", "nominal"))
    assert gallery.finding["replaces"] == 4


def test_a_label_that_is_the_only_one_of_its_kind_cannot_be_judged(session: Session, gallery: Gallery):
    session.label(RINGS[:1], "anomaly")
    session.label(DISCS, "nominal")
    session.rank(wait=True)
    gallery.show_audit()
    captions = {card["id"]: card["caption"] for card in gallery.page["cards"]}
    assert captions[RINGS[0]] == "cannot be judged"


def test_one_search_after_another_is_one_step_back(gallery: Gallery):
    first = gallery.ids
    gallery.find(text="1")
    gallery.find(text="2")
    gallery.back()
    assert gallery.ids == first


def test_another_order_of_a_list_is_the_same_view_with_nothing_to_go_back_to(browser, gallery: Gallery):
    gallery.show_unlabelled()
    browser.send(kind="command", name="find", change={"sort": "name"})
    assert gallery.finding["query"]["sort"] == "name"
    assert (gallery.finding["view"], gallery.finding["back"]) == ("to label", "")
    gallery.find(labels=LABELS, sort="random", reverse=True)
    assert gallery.finding["view"] == "labelled"
    gallery.find(labels=LABELS, text="1")
    assert gallery.finding["view"] == "find"


def test_views_made_ready_tell_what_they_are(ranked: Session, gallery: Gallery):
    gallery.show_labelled()
    assert sorted(gallery.ids) == sorted([*RINGS, *DISCS])
    gallery.show_audit()
    assert sorted(gallery.ids) == sorted([*RINGS, *DISCS])
    assert all(card["caption"].startswith("contest ") for card in gallery.page["cards"])
    gallery.show_disagreements()
    assert gallery.ids == ()
    gallery.show_unlabelled()
    assert gallery.page["count"] == 53
    assert gallery.finding["back"] == ""


def test_an_image_that_has_become_unreadable_is_in_a_view_of_its_own(session: Session, tmp_path: Path):
    (tmp_path / "images" / "0003.jpg").write_bytes(b"\xff\xd8truncated")
    gallery = Gallery(session, page_size=10)
    gallery.show_unreadable()
    assert gallery.ids == ("0003.jpg",)
    gallery.close()


def test_a_new_ranking_is_applied_to_the_list_that_is_shown(session: Session, gallery: Gallery):
    gallery.find(text="000", labels=("unlabelled",))
    session.label(RINGS, "anomaly")
    session.rank(wait=True)
    gallery.apply_ranking()
    assert gallery.query.text == "000"
    assert sorted(gallery.ids) == [f"000{number}.jpg" for number in range(3, 10)]
    assert gallery.ranking_version == session.ranking().version


def test_what_cannot_be_found_is_said_and_the_list_stays(browser, gallery: Gallery):
    before, serial = gallery.ids, gallery.finding["serial"]
    browser.send(kind="command", name="find", change={"sort": "change"})
    assert "two training cycles" in browser.of_kind("say")[-1]["sentence"]
    assert browser.of_kind("say")[-1]["tone"] == "error"
    assert gallery.ids == before
    assert gallery.finding["query"]["sort"] == "shown first"
    assert gallery.finding["serial"] > serial


def test_controls_change_one_value_and_keep_the_others(browser, gallery: Gallery):
    browser.send(kind="command", name="find", change={"text": "1.jpg"})
    browser.send(kind="command", name="find", change={"labels": ["anomaly", "unlabelled"]})
    assert gallery.query == Query(text="1.jpg", labels=("anomaly", "unlabelled"))


def test_all_that_match_are_labelled_once_however_often_the_browser_sends_it(
    browser, gallery: Gallery, session: Session
):
    browser.send(kind="command", name="find", change={"text": "1.jpg"})
    message = {"kind": "label matching", "label": "nominal", "listing": gallery.finding["listing"]}
    message |= {"frontend": "one", "request": 3, "commit": 1}
    browser.send(**message)
    browser.send(**message)
    assert len(session.labels()) == 6
    session.undo()
    assert len(session.labels()) == 0
    assert browser.of_kind("say")[-1]["sentence"] == "6 labelled nominal · Z takes it back"


def test_a_list_that_has_come_since_it_was_counted_is_not_labelled(
    browser, gallery: Gallery, session: Session
):
    browser.send(kind="command", name="find", change={"text": "1.jpg"})
    counted = gallery.finding["listing"]
    browser.send(kind="command", name="back")
    answer = browser.ask(kind="label matching", label="anomaly", listing=counted)
    assert answer["kind"] == "refused"
    assert "The list has changed" in answer["sentence"]
    assert len(session.labels()) == 0
    assert (
        browser.ask(kind="label matching", label="anomaly", listing=gallery.finding["listing"])["kind"]
        == "saved"
    )


def test_a_page_that_was_asked_of_a_former_list_leaves_the_new_one_at_its_first(browser, gallery: Gallery):
    former = gallery.page["listing"]
    gallery.find(sort="name")
    browser.send(kind="page", number=2, listing=former)
    assert gallery.number == 0
    browser.send(kind="page", number=2, listing=gallery.page["listing"])
    assert gallery.number == 2


def test_the_browser_is_told_which_columns_there_are(session: Session, tmp_path: Path, monkeypatch):
    table = tmp_path / "survey.csv"
    table.write_text("id,mag,catalogue\n0001.jpg,17.5,NGC\n0002.jpg,19,IC\n0003.jpg,,NGC\n")
    session.finding.metadata.keep(table)
    gallery = Gallery(session, page_size=10)
    columns = gallery.answers["columns"]({})[0]["columns"]
    assert columns == [
        {"name": "mag", "kind": "number", "low": 17.5, "high": 19.0},
        {"name": "catalogue", "kind": "text", "values": ["IC", "NGC"]},
    ]
    gallery.close()


def test_an_unknown_view_is_a_sentence_with_those_there_are(browser):
    browser.send(kind="command", name="view", view="beauty")
    assert "Choose one of: to label, labelled" in browser.of_kind("say")[-1]["sentence"]


def test_a_list_that_another_part_shows_is_counted_and_labelled_as_it_is(gallery: Gallery, session: Session):
    gallery.show(np.array([5, 7, 9]), title="chosen on the map")
    assert gallery.finding["view"] == "list"
    assert gallery.finding["counts"]["images"] == 3
    gallery.label_matching("nominal")
    assert sorted(session.labels()) == ["0005.jpg", "0007.jpg", "0009.jpg"]


def test_a_card_says_how_many_more_lie_at_its_place_and_opens_to_them(
    browser, gallery: Gallery, session: Session, tmp_path
):
    where = tmp_path / "where.csv"
    rows = [f"{name},{150 + number // 2},2.0" for number, name in enumerate(session.pool.ids)]
    where.write_text("\n".join(["id,ra,dec", *rows]))
    session.finding.keep(where)
    session.configure({"acquisition.same_place": 1.0})
    gallery.show_unlabelled()
    assert gallery.ids == tuple(f"{number:04d}.jpg" for number in range(0, 20, 2))
    assert {card["others"] for card in gallery.page["cards"]} == {1}
    assert (gallery.finding["folded"], gallery.counts.images) == (30, 30)
    browser.send(kind="command", name="same place", id="0002.jpg")
    assert gallery.ids == ("0002.jpg", "0003.jpg")
    assert gallery.finding["view"] == "same place"
    # What is labelled is what the person sees, never what is behind it.
    gallery.back()
    assert len(gallery.label_matching("nominal").labels) == 30
    browser.send(kind="command", name="same place", id="gone.jpg")
    assert "gone.jpg" in browser.of_kind("say")[-1]["sentence"]
