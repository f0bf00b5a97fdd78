"""What a repair saves of a damaged journal, and what it says."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from damaged_journals import FILE, ME

from anomalymatch_ui.errors import DamagedJournalError, InputError, SessionBusyError
from anomalymatch_ui.labels import Journal, Repaired, repair_journal
from anomalymatch_ui.labels import repair as repair_module


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / FILE


def test_a_whole_journal_is_left_alone(path: Path) -> None:
    with Journal(path) as journal:
        journal.append(["a"], "anomaly", ME, "key")
    before = path.read_bytes()
    repaired = repair_journal(path)
    assert (repaired.rows, repaired.set_aside, path.read_bytes()) == (1, (), before)
    assert repaired.sentences() == ["Nothing is damaged: the only row of the journal is intact."]


@pytest.mark.parametrize(
    ("told", "sentences"),
    [
        (Repaired(Path("j"), 0), ["Nothing is damaged: the journal has no rows."]),
        (Repaired(Path("j"), 40), ["Nothing is damaged: all 40 rows of the journal are intact."]),
        (
            Repaired(Path("j"), 1, set_aside=(Path("k"),)),
            ["1 row of the journal was recovered and is in j again.", "No row is known to be lost."],
        ),
        (
            Repaired(Path("j"), 40, 3, set_aside=(Path("k"),)),
            [
                "40 rows of the journal were recovered and are in j again.",
                "3 of them were found only in the copy, none only in the log.",
            ],
        ),
        (
            Repaired(Path("j"), 40, 0, 2, set_aside=(Path("k"),)),
            [
                "40 rows of the journal were recovered and are in j again.",
                "None of them were found only in the copy, 2 only in the log.",
            ],
        ),
    ],
)
def test_a_repair_says_what_it_recovered_and_from_where(told: Repaired, sentences: list[str]) -> None:
    assert told.sentences()[: len(sentences)] == sentences


def test_what_holds_no_labels_is_not_repaired(path: Path) -> None:
    with pytest.raises(InputError, match="no journal of labels"):
        repair_journal(path)
    path.write_bytes(b"garbage " * 1000)
    with pytest.raises(InputError, match="No label could be found"):
        repair_journal(path)
    assert path.read_bytes() == b"garbage " * 1000
    assert [found.name for found in path.parent.iterdir()] == [FILE]


def test_a_repaired_journal_says_once_what_it_lost_and_goes_on(path: Path) -> None:
    with Journal(path) as journal:
        for name in "abc":
            journal.append([name], "anomaly", ME, "key")
        journal.undo(ME, "key")
    path.with_suffix(".copy").unlink()
    content = path.read_bytes()
    (place, *_) = (place for place in range(len(content)) if content.startswith(b"banomaly", place))
    path.write_bytes(content[:place] + b"B" + content[place + 1 :])
    with pytest.raises(DamagedJournalError, match="row 2 does not fit its checksum"):
        Journal(path)
    repaired = repair_journal(path)
    assert repaired.lost == (2,)
    assert "1 row could not be saved (2)" in " ".join(repaired.sentences())
    assert all(kept.exists() for kept in repaired.set_aside)
    with Journal(path) as journal:
        assert journal.view() == {"a": "anomaly"}
        assert journal.append(["b"], "nominal", ME, "key").seq == 5
    assert repair_journal(path).set_aside == ()


def test_an_undo_of_what_was_lost_does_no_harm(path: Path) -> None:
    with Journal(path) as journal:
        journal.append(["a"], "anomaly", ME, "key")
        journal.undo(ME, "key")
        journal.redo(ME, "key")
    path.with_suffix(".copy").unlink()
    content = path.read_bytes()
    place = content.index(b"anomalymekey", content.index(b"amekey") + 6)
    path.write_bytes(content[:place] + b"A" + content[place + 1 :])
    assert repair_journal(path).lost == (1,)
    with Journal(path) as journal:
        assert journal.view() == {"a": "anomaly"}
        assert journal.by_annotator() == {}
        journal.undo(ME, "key")
        journal.append(["a"], "nominal", ME, "key")
        assert journal.undo(ME, "key") is not None


def test_a_strangers_trigger_is_refused(path: Path) -> None:
    Journal(path).close()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TRIGGER silence BEFORE INSERT ON journal BEGIN SELECT RAISE(IGNORE); END")
    other.close()
    with pytest.raises(DamagedJournalError, match="tables and triggers"):
        Journal(path)


def without_copy(path: Path, labels: int) -> bytes:
    """Make a journal of some labels that has no copy, and return its bytes."""
    with Journal(path) as journal:
        journal.append_many({f"{number:04}.jpg": "nominal" for number in range(labels)}, ME, "key")
    path.with_suffix(".copy").unlink()
    return path.read_bytes()


def test_a_journal_without_any_row_left_is_not_replaced(path: Path) -> None:
    cut = without_copy(path, 44)[:4096]
    path.write_bytes(cut)
    with pytest.raises(InputError, match="No label could be found in .* Nothing was changed"):
        repair_journal(path)
    assert path.read_bytes() == cut
    assert [found.name for found in path.parent.iterdir()] == [FILE]


@pytest.mark.parametrize("count", [76_513, 2**31 - 1])
def test_a_damaged_count_of_rows_invents_no_lost_rows(count: int, path: Path) -> None:
    without_copy(path, 44)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE sqlite_sequence SET seq = ?", (count,))
    connection.close()
    with pytest.raises(DamagedJournalError, match="does not have as many rows as it should"):
        Journal(path)
    repaired = repair_journal(path)
    assert (repaired.rows, repaired.lost) == (44, ())
    assert "How many rows came after row 44 is not known" in " ".join(repaired.sentences())
    assert "No row is known to be lost" not in " ".join(repaired.sentences())


def test_a_count_that_fits_the_file_tells_of_rows_lost_at_its_end(path: Path) -> None:
    content = without_copy(path, 3)
    path.write_bytes(content.replace(b"0002.jpgnominal", b"0002.jpgNominal"))
    repaired = repair_journal(path)
    assert (repaired.rows, repaired.lost) == (2, (3,))


def test_the_number_of_a_lost_row_is_not_given_out_again(path: Path) -> None:
    content = without_copy(path, 3)
    path.write_bytes(content.replace(b"0002.jpgnominal", b"0002.jpgNominal"))
    assert repair_journal(path).lost == (3,)
    with Journal(path) as journal:
        assert journal.append(["new.jpg"], "anomaly", ME, "key").seq == 4
    path.with_suffix(".copy").unlink()
    path.write_bytes(path.read_bytes().replace(b"new.jpganomaly", b"New.jpganomaly"))
    assert repair_journal(path).lost == (4,)


def test_a_second_repair_remembers_what_the_first_has_lost(path: Path) -> None:
    content = without_copy(path, 3)
    path.write_bytes(content.replace(b"0002.jpgnominal", b"0002.jpgNominal"))
    assert repair_journal(path).lost == (3,)
    path.with_suffix(".copy").unlink()
    path.write_bytes(path.read_bytes().replace(b"0000.jpgnominal", b"0000.jpgNominal"))
    assert repair_journal(path).lost == (1,)
    with Journal(path) as journal:
        assert journal.meta()["lost rows"] == "1,3"
        assert journal.append(["new.jpg"], "anomaly", ME, "key").seq == 4


def test_a_journal_in_which_somebody_labels_is_not_repaired(path: Path) -> None:
    with Journal(path) as colleague:
        colleague.append(["a"], "anomaly", ME, "key")
        with pytest.raises(SessionBusyError, match="Close all pages .* Nothing was changed"):
            repair_journal(path)
        colleague.append(["b"], "anomaly", ME, "key")
    with Journal(path) as journal:
        assert len(journal.view()) == 2


LABELLING = """
import sys
from anomalymatch_ui.labels import Journal
with Journal({path!r}) as journal:
    journal.append(["a"], "anomaly", "ada", "key")
    print("open", flush=True)
    sys.stdin.readline()
    journal.append(["b"], "anomaly", "ada", "key")
"""


def test_a_journal_in_which_another_process_labels_is_not_repaired(path: Path) -> None:
    program = [sys.executable, "-c", LABELLING.format(path=str(path))]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as colleague:
        assert colleague.stdout.readline() == "open\n"
        with pytest.raises(SessionBusyError, match="Close all pages .* Nothing was changed"):
            repair_journal(path)
        colleague.communicate("go on\n")
    assert colleague.returncode == 0
    assert repair_journal(path).rows == 2
    with Journal(path) as journal:
        assert journal.view() == {"a": "anomaly", "b": "anomaly"}


def test_whoever_opened_the_file_before_it_was_replaced_does_not_label_in_it(path: Path) -> None:
    content = without_copy(path, 3)
    path.write_bytes(content.replace(b"0002.jpgnominal", b"0002.jpgNominal"))
    late = sqlite3.connect(path)  # SQLite opens the file now, and locks it when it reads
    repair_journal(path)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        late.execute("SELECT count(*) FROM journal")
    late.close()
    with Journal(path) as journal:
        assert len(journal.view()) == 2


def test_a_label_given_where_there_are_no_locks_stops_the_repair(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = without_copy(path, 3)
    path.write_bytes(content.replace(b"0002.jpgnominal", b"0002.jpgNominal"))
    make = repair_module._make

    def label_meanwhile(made: Path, found: object) -> None:
        make(made, found)
        path.with_suffix(".copy").write_text("a label")

    monkeypatch.setattr(repair_module, "_make", label_meanwhile)
    with pytest.raises(SessionBusyError, match="Nothing was changed"):
        repair_journal(path)
    assert b"0002.jpgNominal" in path.read_bytes()


def with_facts(path: Path) -> bytes:
    """Make a journal with facts beside the labels, without a copy, and return its bytes."""
    with Journal(path) as journal:
        extras = {"a.jpg": {"note": "a ring"}}
        journal.append_many({"a.jpg": "anomaly"}, ME, "import", extras=extras, meta={"tags": '["lens"]'})
    path.with_suffix(".copy").unlink()
    return path.read_bytes()


def test_a_repair_names_the_facts_that_it_could_not_save(path: Path) -> None:
    content = with_facts(path).replace(b'tags["lens"]', b'tags["lenz"]').replace(b"a ring", b"a rong")
    path.write_bytes(content)
    told = " ".join(repair_journal(path).sentences())
    assert "not saved: the columns of a table for a.jpg; what is kept as 'tags'." in told


def test_a_repair_says_that_facts_may_be_gone_where_sqlite_reads_none(path: Path) -> None:
    path.write_bytes(b"X" + with_facts(path)[1:])
    told = " ".join(repair_journal(path).sentences())
    assert "names of tags, classes and records of imports" in told
    assert "other columns of imported tables" in told


def test_a_repair_with_a_whole_copy_saves_all_facts(path: Path) -> None:
    content = with_facts(path)
    Journal(path).close()  # makes the copy again
    path.write_bytes(b"X" + content[1:])
    assert "not saved" not in " ".join(repair_journal(path).sentences())
    with Journal(path) as journal:
        assert journal.meta() == {"tags": '["lens"]'}
        assert journal.extras() == {"a.jpg": {"note": "a ring"}}
