"""What the gallery's page sends is written once, in its order, and answered."""

from __future__ import annotations

import time
from pathlib import Path

from rights import only_readable

from anomalymatch_ui.app.gallery.gallery import Gallery
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import Journal
from anomalymatch_ui.session import Session


def journal_of(session: Session) -> list[tuple[str, str | None, str]]:
    with Journal(session.path / "journal.sqlite") as journal:
        return [(entry.image_id, entry.label, entry.origin) for entry in journal.entries()]


def test_a_label_from_the_browser_is_answered_when_it_is_on_disk(browser, gallery: Gallery, session: Session):
    answer = browser.ask(kind="label", ids=[gallery.ids[3]], label="anomaly")
    assert answer["kind"] == "saved"
    assert journal_of(session) == [(gallery.ids[3], "anomaly", "dashboard")]
    assert answer["seq"] == 1
    assert gallery.page["cards"][3]["label"] == "anomaly"


def test_a_label_that_is_sent_twice_is_written_once_and_answered_twice(
    browser, gallery: Gallery, session: Session
):
    message = {"kind": "label", "ids": [gallery.ids[0]], "label": "nominal"}
    message |= {"frontend": "one", "request": 7, "commit": 1}
    browser.send(**message)
    browser.send(**message)
    assert len(journal_of(session)) == 1
    first, second = browser.answers(7)
    assert first == second


def test_two_front_ends_may_use_the_same_numbers(browser, gallery: Gallery, session: Session):
    for frontend, label in (("one", "nominal"), ("two", "anomaly")):
        browser.send(kind="label", ids=[gallery.ids[0]], label=label, frontend=frontend, request=1, commit=1)
    assert [label for _, label, _ in journal_of(session)] == ["nominal", "anomaly"]


def test_a_label_that_was_lost_and_is_sent_again_comes_before_the_one_that_corrects_it(
    browser, gallery: Gallery, session: Session
):
    name = gallery.ids[0]
    lost, correction = (
        {
            "kind": "label",
            "ids": [name],
            "label": label,
            "frontend": "one",
            "request": number,
            "commit": number,
        }
        for number, label in ((1, "anomaly"), (2, "nominal"))
    )
    undo = {"kind": "undo", "frontend": "one", "request": 3, "commit": 3}
    browser.send(**correction)
    browser.send(**undo)
    assert journal_of(session) == []
    assert browser.answers(2) == browser.answers(3) == []
    browser.send(**lost)
    assert [label for _, label, _ in journal_of(session)] == ["anomaly", "nominal", "anomaly"]
    assert [browser.answers(number)[0]["kind"] for number in (1, 2, 3)] == ["saved"] * 3
    browser.send(**lost)
    assert session.labels() == {name: "anomaly"}
    assert len(journal_of(session)) == 3


def test_labels_that_the_disk_refuses_are_taken_when_they_are_sent_again_in_their_order(
    browser, gallery: Gallery, session: Session
):
    first, second = (
        {"kind": "label", "ids": [gallery.ids[0]], "label": label, "frontend": "one"}
        | {"request": number, "commit": number}
        for number, label in ((1, "anomaly"), (2, "nominal"))
    )
    elsewhere = session.path.with_name("elsewhere")
    session.path.rename(elsewhere)
    browser.send(**first)
    browser.send(**second)
    (answer,) = browser.answers(1)
    assert answer["kind"] == "not kept"
    assert "deleted, moved or renamed" in answer["sentence"]
    elsewhere.rename(session.path)
    browser.send(**second)
    assert browser.answers(2) == []
    browser.send(**first)
    assert [label for _, label, _ in journal_of(session)] == ["anomaly", "nominal"]
    assert [browser.answers(number)[-1]["kind"] for number in (1, 2)] == ["saved", "saved"]


def test_a_label_that_cannot_be_taken_is_refused_with_the_reason(browser):
    answer = browser.ask(kind="label", ids=["elsewhere.jpg"], label="anomaly")
    assert answer["kind"] == "refused"
    assert "elsewhere.jpg" in answer["sentence"]


def test_a_message_that_nobody_foresaw_is_refused_with_a_sentence_and_holds_back_none_after_it(
    browser, gallery: Gallery, session: Session
):
    name = gallery.ids[0]
    browser.send(
        kind="label matching", label="anomaly", frontend="one", request=1, commit=1
    )  # of which list?
    browser.send(kind="label", ids=[name], label="nominal", frontend="one", request=2, commit=2)
    (answer,) = browser.answers(1)
    assert (answer["kind"], answer["sentence"][:12]) == ("refused", "This failed:")
    assert session.labels() == {name: "nominal"}


def test_cards_stay_though_a_new_order_was_asked_for_and_refused(browser, gallery: Gallery, session: Session):
    session.rank(wait=True)
    gallery.apply_ranking()
    before, version = gallery.ids, gallery.ranking_version
    with Session.open(session.path, session.pool.path, annotator="bob", take_over=True) as bobs:
        browser.send(kind="apply")
        assert browser.of_kind("say")[-1]["tone"] == "error"
        bobs.label([before[5]], "anomaly")
        bobs.rank(wait=True)
        deadline = time.monotonic() + 300
        while session.status.ranking_version == version:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    gallery.heed(session.status)
    assert gallery.ids == before
    assert gallery.offer["text"].endswith(": R")


def test_labels_wait_in_the_browser_for_one_session_however_its_path_is_given(gallery, session, monkeypatch):
    monkeypatch.chdir(session.path.parent)
    monkeypatch.setattr(session, "path", Path(session.path.name))
    again = Gallery(session)
    assert again.kept_as == gallery.kept_as
    again.close()


def test_what_waits_in_the_browser_is_not_given_to_a_session_that_can_only_be_viewed(session):
    session.close()
    with only_readable(session.path), Session.open(session.path, annotator="ada", share=True) as viewed:
        gallery = Gallery(viewed)
        assert gallery.kept_as == ""
        gallery.close()


def test_a_command_is_carried_out_by_whoever_offers_it(browser, gallery: Gallery):
    given = []
    gallery.commands["greet"] = given.append
    browser.send(kind="command", name="greet", id="0001.jpg")
    assert given == [{"kind": "command", "name": "greet", "id": "0001.jpg"}]


def test_what_a_command_cannot_do_is_said_above_the_cards(browser, gallery: Gallery):
    def refuse(_message: object) -> None:
        raise InputError("There are no labels yet.")

    gallery.commands["train"] = refuse
    browser.send(kind="command", name="train")
    assert browser.of_kind("say")[-1] == {
        "kind": "say",
        "sentence": "There are no labels yet.",
        "tone": "error",
    }
    browser.send(kind="command", name="dance")
    assert "'dance'" in browser.of_kind("say")[-1]["sentence"]


def test_a_question_is_answered_with_its_number_or_with_why_not(browser, gallery: Gallery):
    def answer(message: dict[str, int]) -> tuple[dict[str, int], list[bytes]]:
        if message["divisor"] < 0:
            raise InputError("Only what is positive.")
        return {"result": 12 // message["divisor"]}, []

    gallery.answers["divide"] = answer
    assert browser.ask(kind="divide", divisor=4)["result"] == 3
    assert browser.ask(kind="divide", divisor=-4)["sentence"] == "Only what is positive."
    failed = browser.ask(kind="divide", divisor=0)
    assert failed["kind"] == "refused"
    assert "ZeroDivisionError" in failed["sentence"]
