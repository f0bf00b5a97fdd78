"""Damaged bytes in a journal, in its log and in its copy: said, and repaired without losing a label."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from damaged_journals import COPY, FILE, LOG, ME
from hypothesis import given, settings
from hypothesis import strategies as st

from anomalymatch_ui.errors import DamagedJournalError, InputError
from anomalymatch_ui.labels import LABELS, Journal, JournalEntry, Shown, repair_journal
from anomalymatch_ui.labels.checking import spans
from anomalymatch_ui.labels.database import SCHEMA, insert_rows
from anomalymatch_ui.labels.rows import entry_of, parsed, row_of, text_of
from anomalymatch_ui.labels.salvage import salvaged_rows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / FILE


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
