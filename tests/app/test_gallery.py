from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anomalymatch_ui.app.gallery.gallery import Gallery
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import Journal
from anomalymatch_ui.session import Session


def journal_of(session: Session) -> list[tuple[str, str | None, str]]:
    with Journal(session.path / "journal.sqlite") as journal:
        return [(entry.image_id, entry.label, entry.origin) for entry in journal.entries()]


def test_before_there_is_a_ranking_the_pool_s_own_order_is_shown(gallery: Gallery, session: Session):
    assert gallery.ids == tuple(session.pool.ids[:10])
    assert gallery.pages == 6
    assert [card["score"] for card in gallery.page["cards"]] == [None] * 10
    assert gallery.sheet[:2] == b"\xff\xd8"


def test_the_best_unlabelled_images_come_first(session: Session):
    session.label(["0000.jpg", "0001.jpg"], "anomaly")
    session.label(["0020.jpg", "0021.jpg"], "nominal")
    session.rank(wait=True)
    gallery = Gallery(session, page_size=10)
    scores = [card["score"] for card in gallery.page["cards"]]
    assert scores == sorted(scores, reverse=True)
    assert not set(gallery.ids) & set(session.labels())
    assert gallery.page["count"] == 56
    gallery.close()


def test_a_card_says_why_it_stands_where_its_score_alone_would_not_put_it(gallery: Gallery):
    places = np.arange(5)
    gallery.show(places, drawn=places == 1, duplicate=places == 3)
    assert [card["why"] for card in gallery.page["cards"]] == ["", "drawn", "", "duplicate", ""]
    gallery.show(places)
    assert {card["why"] for card in gallery.page["cards"]} == {""}


def test_what_is_labelled_in_a_list_as_a_whole_is_no_look_at_each_image(browser, session: Session):
    browser.ask(kind="label", ids=["0001.jpg"], label="nominal")
    listing = browser.gallery.page["listing"]
    browser.ask(kind="label matching", label="nominal", listing=listing)
    assert len(session.labels()) == 60
    assert session.insight.looks_taken() == 1


def test_a_session_taken_over_by_somebody_else_takes_labels_all_the_same(browser, gallery, session):
    name = gallery.ids[0]
    with Session.open(session.path, take_over=True) as other:
        assert browser.ask(kind="label", ids=[name], label="anomaly")["kind"] == "saved"
        assert other.labels() == {name: "anomaly"}


def test_undo_and_redo_come_back_as_the_labels_they_leave(browser, gallery: Gallery):
    name = gallery.ids[0]
    browser.ask(kind="label", ids=[name], label="anomaly")
    assert browser.ask(kind="undo")["kind"] == "saved"
    assert browser.of_kind("labels")[-1]["labels"] == {name: None}
    assert browser.ask(kind="redo")["kind"] == "saved"
    assert browser.of_kind("labels")[-1]["labels"] == {name: "anomaly"}


def test_with_nothing_to_undo_that_is_said(browser):
    assert browser.ask(kind="undo")["sentence"] == "There is nothing to undo."


def test_pages_turn_and_end(gallery: Gallery, session: Session):
    gallery.next_page()
    assert gallery.ids == tuple(session.pool.ids[10:20])
    for _ in range(9):
        gallery.next_page()
    assert gallery.number == 5
    with pytest.raises(InputError, match="no page 7"):
        gallery.show_page(6)
    gallery.show_page(0)
    gallery.previous_page()
    assert gallery.number == 0


def test_labelled_images_stay_on_their_page_until_a_ranking_is_applied(gallery: Gallery, session: Session):
    before = gallery.ids
    gallery.label(before[:2], "nominal")
    gallery.label(before[2:3], "anomaly")
    gallery.next_page()
    gallery.previous_page()
    assert gallery.ids == before
    assert [card["label"] for card in gallery.page["cards"][:4]] == ["nominal", "nominal", "anomaly", None]
    session.rank(wait=True)
    gallery.apply_ranking()
    assert not set(gallery.ids) & set(before[:3])


def test_the_first_ranking_is_shown_by_itself_if_nothing_was_touched(gallery: Gallery, session: Session):
    session.rank(wait=True)
    gallery.heed(session.status)
    assert gallery.ranking_version == 1
    assert gallery.offer == {}


def test_the_first_ranking_is_only_offered_to_somebody_at_work(browser, gallery: Gallery, session: Session):
    before = gallery.ids
    browser.send(kind="touched")
    session.rank(wait=True)
    gallery.heed(session.status)
    assert gallery.ids == before
    assert gallery.offer["text"] == "New ranking, novelty: R"
    browser.send(kind="apply")
    assert gallery.ranking_version == 1
    assert gallery.offer == {}


def test_asking_without_a_newer_ranking_makes_one_and_shows_it(browser, gallery: Gallery, session: Session):
    browser.ask(kind="label", ids=[gallery.ids[0]], label="anomaly")
    browser.send(kind="apply")
    session.wait()
    gallery.heed(session.status)
    assert gallery.ranking_version == 1
    assert "0000.jpg" not in gallery.ids


def test_somebody_who_labels_on_is_offered_the_ranking_they_asked_for(
    browser, gallery: Gallery, session: Session
):
    browser.send(kind="touched")
    browser.send(kind="apply")
    browser.ask(kind="label", ids=[gallery.ids[0]], label="anomaly")
    session.wait()
    gallery.heed(session.status)
    assert gallery.ranking_version == 0
    assert gallery.offer["version"] == 1


def test_labels_given_elsewhere_are_shown(browser, gallery: Gallery, session: Session):
    session.label([gallery.ids[1]], "unsure")
    gallery.heed(session.status)
    assert browser.of_kind("labels")[-1]["labels"] == {gallery.ids[1]: "unsure"}


def test_when_every_image_has_a_label_the_page_is_empty_and_says_so(session: Session):
    session.label(session.pool.ids, "nominal")
    gallery = Gallery(session)
    assert gallery.ids == ()
    assert gallery.pages == 0
    assert gallery.sheet == b""
    gallery.close()


def test_an_image_that_cannot_be_read_gets_a_card_that_says_so(session: Session):
    (session.pool.path / "0002.jpg").write_bytes(b"\xff\xd8nothing")
    gallery = Gallery(session, page_size=10)
    assert [card["readable"] for card in gallery.page["cards"][:4]] == [True, True, False, True]
    gallery.close()


def test_a_screen_with_a_finer_grid_gets_a_finer_sheet(browser, gallery: Gallery, session: Session):
    from PIL import Image

    for number in range(3):
        Image.new("RGB", (400, 400)).save(session.pool.path / f"{number:04d}.jpg")
    large = Gallery(session, page_size=10)
    assert large.page["cell"] == 128
    large._handle_custom_msg({"kind": "hello", "pixel_ratio": 2}, [])
    assert large.page["cell"] == 256
    large.close()


def test_the_rest_of_a_page_is_labelled_as_one_action_without_what_cannot_be_read(session: Session):
    (session.pool.path / "0002.jpg").write_bytes(b"\xff\xd8nothing")
    gallery = Gallery(session, page_size=10)
    gallery.label([gallery.ids[0]], "anomaly")
    receipt = gallery.label_page_rest()
    assert receipt is not None
    assert set(receipt.ids) == set(gallery.ids) - {gallery.ids[0], "0002.jpg"}
    gallery.undo()
    assert dict(session.labels()) == {gallery.ids[0]: "anomaly"}
    gallery.label(gallery.ids, "nominal")
    assert gallery.label_page_rest() is None
    gallery.close()


def test_a_selection_is_of_this_page_and_ends_with_it(gallery: Gallery):
    first, second, third = gallery.ids[:3]
    gallery.select([third, first])
    assert gallery.selected == (first, third)
    with pytest.raises(InputError, match="not on this page"):
        gallery.select([second, "elsewhere.jpg"])
    gallery.next_page()
    assert gallery.selected == ()


def test_a_selection_made_in_the_browser_is_known_to_a_script(gallery: Gallery):
    gallery.set_state({"selection": [gallery.ids[4], gallery.ids[1]]})
    assert gallery.selected == (gallery.ids[1], gallery.ids[4])


def test_other_page_sizes_keep_the_first_image_on_the_page(gallery: Gallery, session: Session):
    gallery.show_page(3)
    gallery.page_size = 20
    assert gallery.number == 1
    assert gallery.ids == tuple(session.pool.ids[20:40])
    assert gallery.pages == 3
    with pytest.raises(InputError, match="between 1 and 200, not 1000"):
        gallery.page_size = 1000
    with pytest.raises(InputError, match="thumbnail must be between 64 and 256"):
        gallery.thumbnail = 12
    assert len(gallery.ids) == 20


def test_what_was_chosen_in_the_browser_is_taken_over_unless_a_script_has_chosen(
    gallery: Gallery, session: Session
):
    chosen = {"kind": "hello", "pixel_ratio": 1, "page_size": 20, "thumbnail": 200}
    free = Gallery(session)
    for one in (free, gallery):
        one._handle_custom_msg(chosen, [])
    assert (free.page_size, len(free.ids), free.thumbnail) == (20, 20, 200)
    assert (gallery.page_size, len(gallery.ids), gallery.thumbnail) == (10, 10, 200)
    free.close()


def test_any_images_can_be_listed_under_a_title_with_captions(gallery: Gallery, session: Session):
    gallery.show(np.array([7, 3]), title="contested", empty="none", captions={"0003.jpg": "contest 0.93"})
    assert gallery.ids == ("0007.jpg", "0003.jpg")
    assert (gallery.page["title"], gallery.page["count"]) == ("contested", 2)
    assert [card.get("caption") for card in gallery.page["cards"]] == [None, "contest 0.93"]
    gallery.show(np.array([], dtype=np.int64), title="contested", empty="No label is contested.")
    assert (gallery.ids, gallery.page["empty"]) == ((), "No label is contested.")


def test_a_file_that_is_deleted_meanwhile_becomes_a_card_that_says_so(gallery: Gallery, session: Session):
    gone = session.pool.ids[43]
    (session.pool.path / gone).unlink()
    gallery.show_page(4)
    assert [card["readable"] for card in gallery.page["cards"][2:5]] == [True, False, True]


@pytest.mark.shared_data
def test_the_first_page_of_26174_images_is_there_before_they_have_been_looked_at(
    shared_data: Path, tmp_path: Path
):
    with Session.open(tmp_path / "session", shared_data / "survey") as session:
        gallery = Gallery(session)
        assert gallery.pages == 437  # of 60 images each
        assert len(gallery.ids) == 60
        assert len(gallery.sheet) > 60_000
        gallery.close()
