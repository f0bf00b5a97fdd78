"""Damaged bytes in a journal, in its log and in its copy: said, and repaired without losing a label."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomalymatch_ui.errors import DamagedJournalError, InputError, SessionBusyError
from anomalymatch_ui.labels import LABELS, Journal, JournalEntry, Repaired, Shown, repair_journal
from anomalymatch_ui.labels import repair as repair_module
from anomalymatch_ui.labels.checking import spans
from anomalymatch_ui.labels.database import SCHEMA, insert_rows
from anomalymatch_ui.labels.rows import entry_of, parsed, row_of, text_of
from anomalymatch_ui.labels.salvage import salvaged_rows

FILE, LOG, COPY = "journal.sqlite", "journal.sqlite-wal", "journal.copy"
ME = "me"


def label_some(journal: Journal, numbers: range) -> None:
    for number in numbers:
        name = f"field {number % 7}/{os.fsdecode(b'caf' + bytes([0xE9]))}-{number:04}.jpg"
        shown = {name: Shown(number / 200, 0.5)} if number % 3 else None
        journal.append([name], ("anomaly", "nominal", "unsure", None)[number % 4], ME, "key", shown)


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session's folder as a process left it that was killed: half of the labels are in the log alone."""
    made = tmp_path_factory.mktemp("made")
    with Journal(made / FILE) as journal:
        label_some(journal, range(90))
        extras = {"field 1/x.jpg": {"ra": "010", "note": "a ring"}}
        journal.append_many({"field 1/x.jpg": "anomaly"}, ME, "import", extras=extras, meta={"digest": "x"})
    folder = tmp_path_factory.mktemp("crashed")
    with Journal(made / FILE) as journal:
        label_some(journal, range(90, 160))
        journal.undo(ME, "key")
        journal.append([f"bulk {number}" for number in range(20)], "nominal", ME, "matching")
        for name in (FILE, LOG, COPY):
            shutil.copyfile(made / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def truth(crashed: Path, tmp_path_factory: pytest.TempPathFactory) -> list:
    whole = shutil.copytree(crashed, tmp_path_factory.mktemp("whole") / "session")
    with Journal(whole / FILE) as journal:
        return journal.entries()


def flip(path: Path, chance: random.Random) -> str:
    content = bytearray(path.read_bytes())
    bit = chance.randrange(8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    return f"bit {bit} of {path.name}"


def survive(folder: Path, truth: list, what: str, *, copied: bool) -> str:
    """Open a journal, repair it where that is refused, and return how it went; fail on what is not said."""
    path = folder / FILE
    try:
        with Journal(path) as journal:
            assert journal.entries() == truth, f"silently wrong after {what}"
            assert journal.extras()["field 1/x.jpg"] == {"ra": "010", "note": "a ring"}, what
            assert journal.meta() == {"digest": "x"}, what
            return "opened"
    except InputError as error:
        refused = str(error)
    assert "anomalymatch repair" in refused, what
    repaired = repair_journal(path)
    told = " ".join(repaired.sentences())
    with Journal(path) as journal:
        entries = journal.entries()
        journal.append(["after"], "nominal", ME, "key")
        journal.undo(ME, "key")
    lost = {row.seq for row in truth} - {row.seq for row in entries}
    assert lost == set(repaired.lost), f"lost without being said after {what}: {told}"
    assert entries == [row for row in truth if row.seq not in lost], what
    assert not (copied and lost), f"lost though there is a copy, after {what}: {told}"
    assert all(spans({number}) in told or "-" in told for number in lost)
    return f"lost {len(lost)}" if lost else "repaired"


def survey(crashed: Path, truth: list, tmp_path: Path, flips: int, *, copied: bool) -> Counter:
    outcomes: Counter = Counter()
    for name in (FILE, LOG, COPY) if copied else (FILE, LOG):
        for number in range(flips):
            chance = random.Random(f"{name} {number} {copied}")
            folder = shutil.copytree(crashed, tmp_path / f"{name} {number}")
            what = flip(folder / name, chance)
            if not copied:
                (folder / COPY).unlink()
            outcomes[name, survive(folder, truth, what, copied=copied)] += 1
            shutil.rmtree(folder)
    print(dict(outcomes))
    return outcomes


def test_a_flipped_bit_loses_no_label(crashed: Path, truth: list, tmp_path: Path) -> None:
    outcomes = survey(crashed, truth, tmp_path, 20, copied=True)
    assert sum(outcomes.values()) == 60


def test_a_flipped_bit_without_a_copy_loses_a_row_at_most_and_says_which(
    crashed: Path, truth: list, tmp_path: Path
) -> None:
    outcomes = survey(crashed, truth, tmp_path, 10, copied=False)
    assert {outcome for _, outcome in outcomes} <= {"opened", "repaired", "lost 1"}


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("copied", [True, False])
def test_two_hundred_flipped_bits_lose_nothing_without_saying(
    copied: bool, crashed: Path, truth: list, tmp_path: Path
) -> None:
    survey(crashed, truth, tmp_path, 200, copied=copied)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / FILE


def unsealed(path: Path, *rows: str) -> None:
    """Write rows as a version did that knew no checksums."""
    with sqlite3.connect(path) as connection:
        for row in rows:
            connection.execute(
                "INSERT INTO journal (seq, time, image_id, label, annotator, origin, action, reverts) "
                f"VALUES ({row})"
            )
    connection.close()


def test_rows_that_an_older_version_adds_count_and_get_checksums(path: Path) -> None:
    with Journal(path) as journal:
        journal.append(["a"], "anomaly", ME, "key")
        unsealed(path, "2, '2026-11-30T12:00:00.000+00:00', 'b', 'nominal', 'you', 'key', 2, NULL")
        assert journal.view() == {"a": "anomaly", "b": "nominal"}
    with Journal(path) as journal:
        assert len(journal.view()) == 2
        with sqlite3.connect(path) as other:
            assert other.execute("SELECT count(*) FROM journal WHERE checksum IS NULL").fetchone() == (0,)
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                other.execute("UPDATE journal SET label = NULL")
        other.close()
    assert '"b","nominal"' in path.with_suffix(".copy").read_text()


def test_a_time_that_cannot_be_read_is_that_of_the_row_before(path: Path) -> None:
    with Journal(path) as journal:
        event = journal.append(["a"], "anomaly", ME, "key")
    unsealed(path, "2, 'yesterday', 'b', 'nominal', 'you', 'key', 2, NULL")
    with Journal(path) as journal:
        assert [entry.time for entry in journal.entries()] == [event.time] * 2
        assert journal.undo("you", "key").labels == {"b": None}


def test_a_journal_that_is_gone_comes_back_from_its_copy(crashed: Path, truth: list, tmp_path: Path) -> None:
    folder = shutil.copytree(crashed, tmp_path / "session")
    for name in (FILE, LOG):
        (folder / name).unlink()
    with pytest.raises(DamagedJournalError, match="is gone"):
        Journal(folder / FILE)
    assert not (folder / FILE).exists()
    repaired = repair_journal(folder / FILE)
    assert (repaired.from_copy, repaired.lost) == (len(truth), ())
    with Journal(folder / FILE) as journal:
        assert journal.entries() == truth


def test_an_older_journal_put_back_is_told_from_its_copy(path: Path) -> None:
    with Journal(path) as journal:
        journal.append(["a"], "anomaly", ME, "key")
    older = path.read_bytes()
    with Journal(path) as journal:
        journal.append(["b"], "nominal", ME, "key")
    path.write_bytes(older)
    with pytest.raises(DamagedJournalError, match="1 of the 2 rows"):
        Journal(path)
    repair_journal(path)
    with Journal(path) as journal:
        assert journal.view() == {"a": "anomaly", "b": "nominal"}


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


def test_the_log_is_emptied_when_nobody_writes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anomalymatch_ui.labels.journalfile.IDLE_SECONDS", 0.05)
    log = path.with_name(LOG)
    with Journal(path) as journal, Journal(path) as other:
        journal.append(["a"], "anomaly", ME, "key")
        assert log.stat().st_size > 0
        deadline = time.monotonic() + 300
        while log.stat().st_size and time.monotonic() < deadline:
            time.sleep(0.01)
        assert log.stat().st_size == 0
        journal.append(["b"], "anomaly", ME, "key")
        assert len(other.view()) == 2


def test_the_copy_of_two_writers_has_all_rows(path: Path) -> None:
    with Journal(path) as journal, Journal(path) as other:
        for number in range(20):
            (journal, other)[number % 2].append([f"{number}"], "nominal", ME, "key")
    lines = path.with_suffix(".copy").read_text().splitlines()
    assert len(lines) == len(set(lines)) == 20


def test_a_copy_that_cannot_be_written_keeps_nobody_from_labelling(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.with_suffix(".copy").mkdir()
    with Journal(path) as journal:
        journal.append(["a"], "anomaly", ME, "key")
    path.with_suffix(".copy").rmdir()
    assert "could not be added to" in caplog.text
    with Journal(path) as journal:
        assert journal.view() == {"a": "anomaly"}
    assert '"a","anomaly"' in path.with_suffix(".copy").read_text()


@settings(max_examples=100, deadline=None)
@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=40),
    st.sampled_from([*LABELS, None]),
    st.floats(0, 1) | st.none(),
    st.integers(1, 2**40),
    st.integers(0, 50),
)
def test_any_row_is_found_in_the_bytes_of_a_file(name, label, probability, seq, before) -> None:
    shown = Shown(probability, -0.25 if probability else 3.0)
    entry = JournalEntry(
        seq, datetime(2026, 1, 2, 3, 4, 5, 678000, UTC), name, label, "é", "key", 7, None, shown
    )
    row = row_of(entry)
    connection = sqlite3.connect(":memory:")
    for statement in SCHEMA:
        connection.execute(statement)
    insert_rows(connection, [row], [text_of(row)])
    connection.commit()
    content = bytes(before) + connection.serialize()
    connection.close()
    assert (row, True) in set(salvaged_rows(content))
    assert entry_of(parsed(text_of(row))) == entry


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
