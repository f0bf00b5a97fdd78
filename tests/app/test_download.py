"""Results sent to the browser's computer."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
import pytest

from anomalymatch_ui.app.panel import download
from anomalymatch_ui.app.panel.download import DownloadDialog
from anomalymatch_ui.session import Session
from anomalymatch_ui.tables import FORMATS


class Sent:
    """Stands where the browser is: keeps the parts of files."""

    def __init__(self, dialog: DownloadDialog, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[tuple[list[Any], bytes]] = []
        monkeypatch.setattr(
            dialog,
            "send",
            lambda message, buffers: self.messages.append((message["args"], bytes(buffers[0]))),
        )

    @property
    def content(self) -> bytes:
        return b"".join(part for _, part in self.messages)


@pytest.fixture
def dialog(session: Session) -> DownloadDialog:
    session.label(["0001.jpg", "0002.jpg"], "anomaly")
    return DownloadDialog(session, lambda: session.path / "labels.csv")


@pytest.mark.parametrize("form", FORMATS)
def test_a_table_is_sent_as_a_file_with_a_name_of_its_own(
    dialog: DownloadDialog, monkeypatch: pytest.MonkeyPatch, form: str
):
    sent = Sent(dialog, monkeypatch)
    dialog.vue_fetch({"what": "found", "form": form})
    ((name, kind, number, of), content) = sent.messages[0]
    assert name.startswith("images-found.")
    assert (number, of) == (0, 1)
    assert "/" in kind
    assert len(content) > 100
    assert (dialog.note, dialog.refusal) == (f"{name}: 2 images.", "")


def test_a_long_table_comes_in_parts(dialog: DownloadDialog, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(download, "PART", 1000)
    sent = Sent(dialog, monkeypatch)
    dialog.vue_fetch({"what": "ranking", "form": "csv"})
    assert [args[2] for args, _ in sent.messages] == list(range(len(sent.messages)))
    assert {args[3] for args, _ in sent.messages} == {len(sent.messages)}
    assert len(sent.messages) > 2
    assert len(pd.read_csv(io.BytesIO(sent.content))) == 60


def test_what_cannot_be_made_is_said_in_the_dialog(dialog: DownloadDialog, monkeypatch: pytest.MonkeyPatch):
    sent = Sent(dialog, monkeypatch)
    (dialog._session.path / "metadata.csv").write_text("no,names\n1,2\n")
    dialog.vue_fetch({"what": "found", "form": "csv"})
    assert "does not name the images" in dialog.refusal
    assert sent.messages == []


def test_labels_csv_is_written_beside_the_session_for_scripts(dialog: DownloadDialog):
    dialog.vue_keep_labels()
    assert dialog.note.endswith("labels.csv.")


def test_a_fault_of_ours_is_said_in_the_dialog_too(dialog: DownloadDialog, monkeypatch: pytest.MonkeyPatch):
    sent = Sent(dialog, monkeypatch)
    monkeypatch.setattr(download.DownloadDialog, "_made", lambda _self, _wanted: 1 / 0)
    dialog.vue_fetch({"what": "found", "form": "csv"})
    assert "ZeroDivisionError" in dialog.refusal
    assert sent.messages == []
