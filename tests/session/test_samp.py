"""Tables sent to other programs through a real hub of SAMP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import processes
import pytest
from astropy.table import Table
from images import make_pool
from samp_programs import Program, place_hub, running_hub

from anomalymatch_ui.app.panel.download import DownloadDialog
from anomalymatch_ui.config import Config
from anomalymatch_ui.session import Session
from anomalymatch_ui.session.outcome import samp


@pytest.fixture
def no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place_hub(monkeypatch, tmp_path)


@pytest.fixture
def connect(no_hub: None) -> Iterator[Callable[..., Program]]:
    """A real hub; returns what connects a program to it."""
    programs: list[Program] = []

    def program(*about: str) -> Program:
        programs.append(Program(*about))
        return programs[-1]

    with running_hub():
        yield program
        for one in programs:
            one.client.disconnect()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, quick_once: Config) -> Path:
    """A session with two finds, in a folder whose name is not ASCII."""
    folder = tmp_path_factory.mktemp("Zürich 測")
    names = make_pool(folder / "images", images=4, rings=4)
    config = quick_once.with_values(instant=False)
    with Session.open(folder / "session", folder / "images", config=config) as session:
        session.label(names[:2], "anomaly")
    return folder / "session"


@pytest.fixture
def session(folder: Path) -> Iterator[Session]:
    with Session.open(folder) as opened:
        yield opened


def test_every_program_that_takes_tables_gets_the_finds_as_ascii_text(
    session: Session, connect: Callable[..., Program]
):
    topcat, aladin = connect("TOPCAT"), connect("Aladin")
    sent = session.samp.send("found")
    assert sent.sentence() == "found (2 images) sent to Aladin and TOPCAT."
    assert sent.hub == "found"
    (told,) = topcat.messages
    assert aladin.messages == [told]
    assert all(isinstance(text, str) and text.isascii() for text in told.values())
    table = Table.read(url2pathname(urlsplit(told["url"]).path), format="votable")
    assert list(table["id"]) == ["0000.jpg", "0001.jpg"]


def test_a_program_that_refuses_is_named_with_its_reason(session: Session, connect: Callable[..., Program]):
    connect("TOPCAT"), connect("DS9", "No catalogue of that kind.")
    sent = session.samp.send("labels", top=1)
    assert sent.received == ("TOPCAT",)
    assert sent.sentence() == (
        "labels (1 image) sent to TOPCAT. DS9 did not take labels (1 image): No catalogue of that kind."
    )


@pytest.mark.usefixtures("no_hub")
def test_a_hub_is_started_where_there_is_none_and_ends_with_the_session(folder: Path):
    with Session.open(folder) as session:
        assert session.samp.send("found", start_hub=False).hub == "none"
        sent = session.samp.send("found")
        assert "No SAMP hub was running; this session has started one. Start TOPCAT" in sent.sentence()
        program = Program("TOPCAT")
        assert session.samp.send("found").sentence() == "found (2 images) sent to TOPCAT."
        program.client.disconnect()
    with Session.open(folder) as session:
        assert session.samp.send("found", start_hub=False).hub == "none"


def test_where_no_hub_can_be_started_one_sentence_says_so(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    place_hub(monkeypatch, tmp_path / "missing")  # as in a home folder that cannot be written
    sent = session.samp.send("found")
    assert (sent.hub, sent.received) == ("none", ())
    assert sent.sentence().startswith("No SAMP hub is running, so nobody could take found (2 images).")


def test_the_dialog_sends_and_says_so(session: Session, connect: Callable[..., Program]):
    dialog = DownloadDialog(session, lambda: session.path / "labels.csv")
    dialog.vue_send_on({"what": "found"})
    assert dialog.refusal.startswith("No program that takes tables is connected by SAMP. Start TOPCAT")
    topcat = connect("TOPCAT")
    dialog.vue_send_on({"what": "found"})
    assert (dialog.note, dialog.refusal) == ("found (2 images) sent to TOPCAT.", "")
    assert len(topcat.messages) == 1
    dialog.vue_send_on({"what": "completeness"})
    assert "has not been measured yet" in dialog.refusal


def test_the_command_sends_or_says_what_is_missing(folder: Path, connect: Callable[..., Program]):
    alone = processes.run("send", folder)
    assert alone.returncode == 2
    assert "No program that takes tables is connected by SAMP. Start TOPCAT" in alone.stderr
    topcat = connect("TOPCAT")
    finished = processes.run("send", folder, "--json")
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("found (2 images) sent to TOPCAT.\n")
    assert len(topcat.messages) == 1


def test_a_session_closes_while_a_program_takes_its_time(
    session: Session, connect: Callable[..., Program], monkeypatch: pytest.MonkeyPatch
):
    asked, answered = threading.Event(), threading.Event()

    def slowly(*_about: object) -> list[tuple[str, str]]:
        asked.set()
        assert answered.wait(300)
        return [("TOPCAT", "")]

    monkeypatch.setattr(samp, "_told", slowly)
    with ThreadPoolExecutor(1) as threads:
        sent = threads.submit(session.samp.send, "found")
        assert asked.wait(300)
        session.samp.close()
        assert not sent.done()
        answered.set()
        assert sent.result(300).received == ("TOPCAT",)
