from __future__ import annotations

from pathlib import Path

import pytest

from anomalymatch_ui.app.gallery import Gallery
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


def test_a_label_from_the_browser_is_answered_when_it_is_on_disk(browser, gallery: Gallery, session: Session):
    answer = browser.ask(kind="label", ids=[gallery.ids[3]], label="anomaly")
    assert answer["kind"] == "saved"
    assert journal_of(session) == [(gallery.ids[3], "anomaly", "dashboard")]
    assert answer["seq"] == 1
    assert gallery.page["cards"][3]["label"] == "anomaly"


def test_a_label_that_is_sent_twice_is_written_once_and_answered_twice(
    browser, gallery: Gallery, session: Session
):
    message = {"kind": "label", "ids": [gallery.ids[0]], "label": "nominal", "frontend": "one", "request": 7}
    browser.send(**message)
    browser.send(**message)
    assert len(journal_of(session)) == 1
    first, second = browser.answers(7)
    assert first == second


def test_two_front_ends_may_use_the_same_numbers(browser, gallery: Gallery, session: Session):
    for frontend, label in (("one", "nominal"), ("two", "anomaly")):
        browser.send(kind="label", ids=[gallery.ids[0]], label=label, frontend=frontend, request=1)
    assert [label for _, label, _ in journal_of(session)] == ["nominal", "anomaly"]


def test_a_label_that_cannot_be_taken_is_refused_with_the_reason(browser):
    answer = browser.ask(kind="label", ids=["elsewhere.jpg"], label="anomaly")
    assert answer["kind"] == "refused"
    assert "elsewhere.jpg" in answer["sentence"]


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
