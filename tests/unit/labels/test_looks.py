"""What the order said of an image when it was labelled is kept with the label."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from anomalymatch_ui.labels import Journal, Shown

ME, YOU = "me", "you"
SURE, DOUBTFUL = Shown(0.9, 1.5), Shown(None, -0.25)

SCHEMA_OF_VERSION_1 = (
    """
    CREATE TABLE journal (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        time TEXT NOT NULL,
        image_id TEXT NOT NULL,
        label TEXT CHECK (label IN ('anomaly', 'nominal', 'unsure')),
        annotator TEXT NOT NULL,
        origin TEXT NOT NULL,
        action INTEGER NOT NULL,
        reverts INTEGER
    )
    """,
    "CREATE TRIGGER journal_rows_never_change BEFORE UPDATE ON journal "
    "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
    "CREATE TRIGGER journal_rows_stay BEFORE DELETE ON journal "
    "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
    "CREATE TABLE extras (image_id TEXT PRIMARY KEY, columns TEXT NOT NULL)",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "INSERT INTO journal VALUES (1, '2026-01-02T03:04:05.678+00:00', 'old', 'anomaly', 'me', 'key', 1, NULL)",
    "PRAGMA application_id = 0x414D554A",
    "PRAGMA user_version = 1",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with Journal(path) as opened:
        yield opened


def looks(journal: Journal) -> list[tuple[str, str, Shown]]:
    return [(look.image_id, look.label, look.shown) for look in journal.looks()]


def test_what_was_shown_is_on_disk_with_the_label(path: Path) -> None:
    with Journal(path) as journal:
        journal.append(["a", "b", "c"], "anomaly", ME, "key", {"a": SURE, "b": DOUBTFUL})
        assert [entry.shown for entry in journal.entries()] == [SURE, DOUBTFUL, None]
    with Journal(path) as again:
        assert looks(again) == [("a", "anomaly", SURE), ("b", "anomaly", DOUBTFUL)]


def test_a_corrected_label_is_tested_by_what_was_said_before_the_first(journal: Journal) -> None:
    journal.append(["a"], "anomaly", ME, "key", {"a": SURE})
    journal.append(["a"], "nominal", ME, "key", {"a": DOUBTFUL})
    assert looks(journal) == [("a", "nominal", SURE)]


def test_a_label_that_came_without_a_look_never_becomes_one(journal: Journal) -> None:
    journal.append(["a"], "anomaly", "table t", "import")
    journal.append(["a"], "nominal", ME, "key", {"a": SURE})
    assert looks(journal) == []


def test_an_import_that_was_undone_hides_no_look(journal: Journal) -> None:
    journal.append(["a", "b"], "anomaly", "table t", "import")
    journal.append(["c"], "nominal", ME, "key", {"c": DOUBTFUL})
    journal.undo("table t", "key")
    journal.append(["a"], "nominal", ME, "key", {"a": SURE})
    assert looks(journal) == [("c", "nominal", DOUBTFUL), ("a", "nominal", SURE)]
    journal.redo("table t", "key")
    assert looks(journal) == [("c", "nominal", DOUBTFUL)]


def test_undone_it_is_no_look_and_redone_it_is_the_same_again(journal: Journal) -> None:
    journal.append(["a"], "anomaly", ME, "key", {"a": SURE})
    journal.undo(ME, "key")
    assert looks(journal) == []
    journal.redo(ME, "key")
    assert looks(journal) == [("a", "anomaly", SURE)]
    journal.undo(ME, "key")
    journal.append(["a"], "nominal", ME, "key", {"a": DOUBTFUL})
    assert looks(journal) == [("a", "nominal", SURE)]


def test_others_see_it_too(path: Path, journal: Journal) -> None:
    with Journal(path) as other:
        other.append(["a"], "anomaly", YOU, "key", {"a": SURE})
    assert looks(journal) == [("a", "anomaly", SURE)]


def make_a_journal_of_version_1(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        for statement in SCHEMA_OF_VERSION_1:
            connection.execute(statement)
    connection.close()


def test_a_journal_of_before_opens_and_takes_new_labels(path: Path) -> None:
    make_a_journal_of_version_1(path)
    with Journal(path) as journal:
        assert journal.view() == {"old": "anomaly"}
        assert journal.entries()[0].shown is None
        journal.append(["new"], "nominal", ME, "key", {"new": SURE})
        assert looks(journal) == [("new", "nominal", SURE)]
        assert journal.undo(ME, "key") is not None
    with Journal(path) as again:
        assert again.view() == {"old": "anomaly"}


def test_several_may_open_a_journal_of_before_at_once(path: Path) -> None:
    make_a_journal_of_version_1(path)

    def label(number: int) -> None:
        with Journal(path) as journal:
            journal.append([f"image {number}"], "nominal", ME, "key", {f"image {number}": SURE})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(label, range(8)))
    with Journal(path) as journal:
        assert len(journal.view()) == 9
        assert len(journal.looks()) == 8


def test_a_journal_that_cannot_be_brought_up_to_date_stays_as_it_was(path: Path, monkeypatch) -> None:
    make_a_journal_of_version_1(path)
    steps = {1: ("ALTER TABLE journal ADD COLUMN probability REAL", "no SQL")}
    with monkeypatch.context() as patched:
        patched.setattr("anomalymatch_ui.labels.database._MIGRATIONS", steps)
        with pytest.raises(Exception, match="no SQL|near"):
            Journal(path)
    with Journal(path) as journal:
        assert journal.view() == {"old": "anomaly"}
