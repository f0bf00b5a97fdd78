from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anomalymatch_ui.errors import InputError, StorageError
from anomalymatch_ui.labels import LABELS, Journal, repair_journal

ME, YOU = "me", "you"


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        yield journal


def test_the_last_label_of_an_image_counts(journal):
    journal.append(["a", "b"], "nominal", ME, "key")
    journal.append(["a"], "anomaly", YOU, "key")
    assert journal.view() == {"a": "anomaly", "b": "nominal"}


def test_a_withdrawn_label_is_gone_from_the_view_but_not_from_the_journal(journal):
    journal.append(["a"], "anomaly", ME, "key")
    journal.append(["a"], None, ME, "key")
    assert journal.view() == {}
    assert [entry.label for entry in journal.entries()] == ["anomaly", None]


def test_an_event_tells_what_was_written(journal):
    before = datetime.now(UTC)
    event = journal.append(["a", "b", "a"], "unsure", ME, "key")
    assert event.labels == {"a": "unsure", "b": "unsure"}
    assert event.seq == journal.last_seq == 2
    assert before - timedelta(seconds=1) <= event.time <= datetime.now(UTC)  # kept to the millisecond
    entry = journal.entries(since=1)[0]
    assert (entry.image_id, entry.annotator, entry.origin, entry.action) == ("b", ME, "key", event.action)
    assert entry.time == event.time


@pytest.mark.parametrize(("ids", "label"), [([], "anomaly"), (["a"], "weird")])
def test_a_label_of_nothing_or_an_unknown_label_is_refused(journal, ids, label):
    with pytest.raises(InputError):
        journal.append(ids, label, ME, "key")
    assert journal.last_seq == 0


def test_the_view_cannot_be_changed_and_does_not_change_later(journal):
    journal.append(["a"], "anomaly", ME, "key")
    view = journal.view()
    with pytest.raises(TypeError):
        view["a"] = "nominal"
    journal.append(["a"], "nominal", ME, "key")
    assert view == {"a": "anomaly"}


def test_a_bulk_label_is_undone_and_redone_as_a_whole(journal):
    journal.append(["a"], "anomaly", ME, "key")
    bulk = journal.append(["a", "b", "c"], "nominal", ME, "key")
    undo = journal.undo(ME, "key")
    assert undo.labels == {"a": "anomaly", "b": None, "c": None}
    assert journal.view() == {"a": "anomaly"}
    assert {entry.reverts for entry in journal.entries(since=bulk.seq)} == {bulk.action}
    assert journal.redo(ME, "key").labels == bulk.labels
    assert journal.view() == dict.fromkeys("abc", "nominal")


def test_an_import_with_its_columns_and_digest_is_one_action(journal):
    journal.append_many(
        {"a": "anomaly", "b": "nominal"},
        ME,
        "import",
        extras={"a": {"ra": "007"}, "c": {"ra": "NA"}},
        meta={"digest": "x"},
    )
    assert journal.extras() == {"a": {"ra": "007"}, "c": {"ra": "NA"}}
    assert journal.meta() == {"digest": "x"}
    assert journal.undo(ME, "key").labels == {"a": None, "b": None}


def test_kept_columns_and_facts_take_the_newest_value(journal):
    journal.keep_extras({"a": {"ra": "1"}})
    journal.keep_extras({"a": {"ra": "2"}, "b": {"ra": "3"}})
    journal.keep_extras({"a": {"note": "nice"}})
    journal.keep_meta({"digest": "x"})
    journal.keep_meta({"digest": "y"})
    assert journal.extras() == {"a": {"ra": "2", "note": "nice"}, "b": {"ra": "3"}}
    assert journal.meta() == {"digest": "y"}


def test_undo_goes_back_step_by_step_and_then_says_there_is_nothing(journal):
    for label in LABELS:
        journal.append(["a"], label, ME, "key")
    undone = [journal.undo(ME, "key").labels["a"] for _ in LABELS]
    assert undone == [*LABELS[-2::-1], None]
    assert journal.undo(ME, "key") is None
    redone = [journal.redo(ME, "key").labels["a"] for _ in LABELS]
    assert redone == list(LABELS)
    assert journal.redo(ME, "key") is None


def test_a_new_label_clears_what_could_be_redone(journal):
    journal.append(["a"], "anomaly", ME, "key")
    journal.undo(ME, "key")
    journal.append(["b"], "nominal", ME, "key")
    assert journal.redo(ME, "key") is None
    assert journal.view() == {"b": "nominal"}


def test_undo_and_redo_survive_reopening(tmp_path):
    path = tmp_path / "journal.sqlite"
    with Journal(path) as journal:
        journal.append(["a"], "anomaly", ME, "key")
        journal.append(["a"], "nominal", ME, "key")
        journal.undo(ME, "key")
    with Journal(path) as journal:
        assert journal.redo(ME, "key").labels == {"a": "nominal"}
        journal.undo(ME, "key")
    with Journal(path) as journal:
        assert journal.undo(ME, "key").labels == {"a": None}


def test_undo_takes_back_only_ones_own_action(journal):
    journal.append(["a"], "anomaly", ME, "key")
    journal.append(["b"], "nominal", YOU, "key")
    assert journal.undo(ME, "key").labels == {"a": None}
    assert journal.view() == {"b": "nominal"}


def test_undo_leaves_alone_what_another_annotator_has_labelled_since(journal):
    journal.append(["a", "b"], "anomaly", ME, "key")
    journal.append(["a"], "nominal", YOU, "key")
    assert journal.undo(ME, "key").labels == {"b": None}
    assert journal.view() == {"a": "nominal"}


def test_an_action_wholly_relabelled_by_another_annotator_is_passed_over(journal):
    journal.append(["a"], "anomaly", ME, "key")
    journal.append(["b"], "anomaly", ME, "key")
    journal.append(["b"], "nominal", YOU, "key")
    assert journal.undo(ME, "key").labels == {"a": None}
    assert journal.undo(ME, "key") is None
    journal.undo(YOU, "key")
    assert journal.undo(ME, "key").labels == {"b": None}


def test_rows_cannot_be_changed_or_deleted(journal):
    journal.append(["a"], "anomaly", ME, "key")
    with sqlite3.connect(journal.path) as other:
        for statement in ("UPDATE journal SET label = 'nominal'", "DELETE FROM journal"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                other.execute(statement)
    other.close()


def test_names_that_are_not_utf8_are_kept(tmp_path):
    name = os.fsdecode(b"caf\xe9.jpg")
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.append_many({name: "anomaly"}, ME, "key", extras={name: {"note": name}})
    with Journal(tmp_path / "journal.sqlite") as journal:
        assert journal.view() == {name: "anomaly"}
        assert journal.extras() == {name: {"note": name}}


def test_threads_may_write_at_once(journal):
    with ThreadPoolExecutor(8) as threads:
        events = list(threads.map(lambda n: journal.append([f"{n}"], "nominal", ME, "key"), range(80)))
    assert len({event.seq for event in events}) == len({event.action for event in events}) == 80
    assert len(journal.view()) == 80


WRITER = """
import sys
from pathlib import Path
from anomalymatch_ui.labels import Journal
journal = Journal(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    journal.append([f"{sys.argv[2]}-{number}"], "anomaly", sys.argv[2], "key")
    print(number, flush=True)
"""


def _writer(path: Path, annotator: str, count: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", WRITER, str(path), annotator, str(count)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def test_two_processes_may_make_and_write_one_file_at_once(tmp_path):
    path = tmp_path / "journal.sqlite"
    writers = [_writer(path, name, 100) for name in (ME, YOU)]
    assert [writer.communicate(timeout=300) and writer.returncode for writer in writers] == [0, 0]
    with Journal(path) as journal:
        assert len(journal.view()) == 200
        assert [entry.seq for entry in journal.entries()] == list(range(1, 201))


LABELLER = """
import random, sys, time
from pathlib import Path
from anomalymatch_ui.labels import Journal
journal, me, seconds = Journal(Path(sys.argv[1])), sys.argv[2], float(sys.argv[3])
chance, written = random.Random(me), 0
until = time.monotonic() + seconds
while time.monotonic() < until:
    names = [f"{number:03d}" for number in chance.sample(range(500), chance.choice((1, 1, 1, 20)))]
    journal.append(names, chance.choice(["anomaly", "nominal", "unsure", None]), me, "key")
    written += len(names)
    if chance.random() < 0.1 and (undone := journal.undo(me, "key")):
        written += len(undone.labels)
print(written, flush=True)
sys.stdin.readline()  # until all have ended
print(sorted(journal.view().items()), flush=True)
"""


@pytest.mark.parametrize(
    "seconds",
    [3, pytest.param(60, marks=[pytest.mark.slow, pytest.mark.timeout(900)])],
    ids=["short", "long"],
)
def test_three_writers_lose_nothing_and_end_with_one_view(tmp_path, seconds):
    path = tmp_path / "journal.sqlite"
    command = [sys.executable, "-c", LABELLER, str(path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    writers = [subprocess.Popen([*command, name, str(seconds)], **pipes) for name in ("ada", "bob", "eve")]
    written = [int(writer.stdout.readline()) for writer in writers]
    views = {writer.communicate("go on\n", timeout=300)[0] for writer in writers}
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    with Journal(path) as journal:
        assert views == {f"{sorted(journal.view().items())}\n"}
        rows = journal.entries()
    assert [entry.seq for entry in rows] == list(range(1, sum(written) + 1))
    assert [sum(entry.annotator == name for entry in rows) for name in ("ada", "bob", "eve")] == written
    assert not repair_journal(path).set_aside  # nothing is damaged
    print(f"{len(rows):,} rows of three writers in {seconds} s, each of them there, one view")


def test_rows_of_another_process_show_in_the_view(journal):
    journal.append(["a"], "anomaly", ME, "key")
    assert len(journal.view()) == 1
    _writer(journal.path, YOU, 3).communicate(timeout=300)
    assert len(journal.view()) == 4
    assert journal.last_seq == 4


def test_a_killed_writer_loses_no_acknowledged_label(tmp_path):
    path = tmp_path / "journal.sqlite"
    writer = _writer(path, ME, 1_000_000)
    acknowledged = [int(writer.stdout.readline()) for _ in range(50)]
    writer.send_signal(signal.SIGKILL)
    acknowledged += [
        int(line) for line in writer.communicate(timeout=300)[0].splitlines(True) if "\n" in line
    ]
    with Journal(path) as journal:
        assert {f"{ME}-{number}" for number in acknowledged} <= set(journal.view())
        journal.append(["after"], "nominal", ME, "key")


def test_a_full_disk_is_told_and_leaves_nothing_half_written(journal):
    journal.append(["before"], "anomaly", ME, "key")
    (pages,) = journal._file.connection.execute("PRAGMA page_count").fetchone()
    journal._file.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageError, match=r"full.*Free some space"):
        journal.append([f"{n}-{'x' * 100}" for n in range(1000)], "nominal", ME, "key")
    assert journal.view() == {"before": "anomaly"}
    assert journal.last_seq == 1
    journal._file.connection.execute("PRAGMA max_page_count = 1000000")
    assert journal.append(["after"], "nominal", ME, "key").seq == 2


def test_a_read_only_file_is_told(journal):
    journal._file.connection.execute("PRAGMA query_only = 1")
    with pytest.raises(StorageError, match=r"readonly.*right to write"):
        journal.append(["a"], "nominal", ME, "key")
    assert journal.view() == {}


def test_a_file_held_by_another_program_is_told(journal):
    connection = journal._file.connection
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(journal.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match=r"locked.*Close the other program"):
        journal.append(["a"], "nominal", ME, "key")
    other.execute("ROLLBACK")
    other.close()
    connection.execute(f"PRAGMA busy_timeout = {patience}")
    assert journal.append(["a"], "nominal", ME, "key").seq == 1


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(StorageError, match="folder exists"):
        Journal(tmp_path / "absent" / "journal.sqlite")


def test_a_file_of_something_else_is_told_and_left_alone(tmp_path):
    path = tmp_path / "journal.sqlite"
    content = b"garbage " * 1000
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a readable journal"):
        Journal(path)
    assert path.read_bytes() == content


def test_another_sqlite_file_is_told_and_left_alone(tmp_path):
    path = tmp_path / "journal.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE history (url TEXT)")
    other.close()
    content = path.read_bytes()
    with pytest.raises(InputError, match="not a journal of labels"):
        Journal(path)
    assert path.read_bytes() == content


def test_a_journal_without_a_version_is_told(tmp_path):
    path = tmp_path / "journal.sqlite"
    Journal(path).close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 0")
    other.close()
    with pytest.raises(InputError, match="not a journal of labels"):
        Journal(path)


def test_a_label_after_the_end_is_refused_and_not_taken_for_damage(journal):
    journal.append(["a"], "nominal", ME, "key")
    journal.close()
    with pytest.raises(StorageError, match="are closed. Open the session again"):
        journal.append(["a"], "anomaly", ME, "key")


def test_a_journal_of_a_newer_version_is_told(tmp_path):
    path = tmp_path / "journal.sqlite"
    Journal(path).close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(InputError, match="Update anomalymatch-ui"):
        Journal(path)


def test_a_thousand_labels_at_once_are_one_action_on_disk(journal):
    statements: list[str] = []
    journal._file.connection.set_trace_callback(statements.append)
    journal.append([f"field-01/cutout-{number:05}.jpg" for number in range(1000)], "nominal", ME, "key")
    journal._file.connection.set_trace_callback(None)
    assert sum(statement.startswith("COMMIT") for statement in statements) == 1  # each is a write to the disk
    assert len(journal.view()) == 1000
