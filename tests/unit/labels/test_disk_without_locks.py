"""Labels are kept on disks that know no locks, by several at once, and are there on one that does."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from disks import run_without_locks

from anomalymatch_ui.errors import StorageError
from anomalymatch_ui.labels import Journal, repair_journal
from anomalymatch_ui.labels.locks import knows_locks, lock_folder, remove_abandoned

ME = "me"

LABEL_BY_TWO = """
import os, sys
from pathlib import Path
from anomalymatch_ui.labels import Journal

path = Path(sys.argv[1])
with Journal(path) as ada, Journal(path) as bob:
    for number in range(5):
        ada.append([f"ada {number}"], "anomaly", "ada", "key")
        bob.append([f"bob {number}"], "nominal", "bob", "key")
    assert len(ada.view()) == len(bob.view()) == 11, len(ada.view())
    os.kill(os.getpid(), 9)
"""


READ_HDF5 = """
import sys
from pathlib import Path
from anomalymatch_ui.pool.hdf5_contents import for_reading

with for_reading(Path(sys.argv[1])) as file:
    assert file["images"].shape == (2, 4, 4)
"""


@pytest.fixture
def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anomalymatch_ui.labels.database.knows_locks", lambda folder: False)


@pytest.mark.parametrize("answer", ["ENOLCK", "ENOSYS", "EINTR"])
def test_labels_are_kept_where_the_disk_refuses_every_lock(answer: str, tmp_path: Path) -> None:
    """NFS without a server of locks, Lustre that is mounted without them, and a call that is broken off."""
    path = tmp_path / "journal.sqlite"
    with Journal(path) as journal:
        journal.append(["before"], "anomaly", ME, "key")
    ended = run_without_locks(LABEL_BY_TWO, path, answer=answer, folder=tmp_path)
    assert ended.returncode == -9, ended.stderr
    with Journal(path) as journal:
        assert len(journal.view()) == 11


def test_an_hdf5_file_is_read_where_the_disk_refuses_every_lock(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"] = np.zeros((2, 4, 4))
    ended = run_without_locks(READ_HDF5, tmp_path / "a.h5", answer="ENOSYS", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr


def test_a_log_that_was_left_behind_is_taken_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a folder that was copied to such a disk while somebody labelled."""
    there = tmp_path / "there"
    there.mkdir()
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.append(["a"], "anomaly", ME, "key")
        for name in ("journal.sqlite", "journal.sqlite-wal", "journal.copy"):
            (there / name).write_bytes((tmp_path / name).read_bytes())
    monkeypatch.setattr("anomalymatch_ui.labels.database.knows_locks", lambda folder: False)
    with Journal(there / "journal.sqlite") as journal:
        assert dict(journal.view()) == {"a": "anomaly"}
        assert not (there / "journal.sqlite-wal").exists()


@pytest.mark.parametrize("first_has_locks", [True, False])
def test_who_sees_the_disk_otherwise_than_another_is_told_and_no_label_that_was_acknowledged_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_has_locks: bool
) -> None:
    path, patched = tmp_path / "journal.sqlite", "anomalymatch_ui.labels.database.knows_locks"
    monkeypatch.setattr(patched, lambda folder: first_has_locks)
    first = Journal(path)
    first.append(["before"], "anomaly", "ada", "key")
    monkeypatch.setattr(patched, lambda folder: not first_has_locks)
    second = Journal(path)
    acknowledged = {"before"}
    for number in range(5):
        with pytest.raises(StorageError, match="disk without locks|disk with locks"):
            first.append([f"ada {number}"], "anomaly", "ada", "key")
        second.append([f"bob {number}"], "nominal", "bob", "key")
        acknowledged.add(f"bob {number}")
    second.close()
    first.close()
    monkeypatch.undo()
    repair_journal(path)  # the file may be that of the first again; the copy has what the second wrote
    with Journal(path) as journal:
        assert set(journal.view()) == acknowledged


@pytest.mark.usefixtures("without_locks")
def test_several_label_at_once_without_locks(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    Journal(path).close()

    def label(name: str) -> None:
        with Journal(path) as journal:
            for number in range(10):
                journal.append([f"{name} {number}"], "nominal", name, "key")

    threads = [threading.Thread(target=label, args=(name,)) for name in ("ada", "bob", "eve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Journal(path) as journal:
        assert len(journal.view()) == 30
        assert [entry.seq for entry in journal.entries()] == list(range(1, 31))


@pytest.mark.usefixtures("without_locks")
def test_a_lock_that_a_killed_process_left_is_named_and_passed_over_when_it_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.sqlite"
    Journal(path).close()
    lock = lock_folder(path)
    lock.mkdir()
    monkeypatch.setattr("anomalymatch_ui.labels.database.BUSY_TIMEOUT", 50)
    with pytest.raises(StorageError, match=r"journal\.sqlite\.lock is passed over when it is a minute old"):
        Journal(path)
    os.utime(lock, (time.time() - 120,) * 2)
    with Journal(path) as journal:
        journal.append(["a"], "anomaly", ME, "key")
    assert not lock.exists()


def test_a_disk_that_does_not_answer_counts_as_one_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answered = threading.Event(), threading.Event()

    def lockf(descriptor: int, command: int, length: int) -> None:
        asked.set()
        answered.wait()

    monkeypatch.setattr("anomalymatch_ui.labels.locks.PATIENCE", 0.05)
    monkeypatch.setattr(os, "lockf", lockf)
    try:
        assert not knows_locks(tmp_path)
        assert asked.is_set()
    finally:
        answered.set()
    assert list(tmp_path.iterdir()) == []


def test_who_asks_the_disk_and_is_not_let_to_run_is_waited_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by torch, which keeps other threads from running for seconds while it is imported."""
    time_is_over, join = threading.Event(), threading.Thread.join

    def join_on_a_busy_machine(thread: threading.Thread, timeout: float | None = None) -> None:
        if time_is_over.is_set():
            join(thread, timeout)
        time_is_over.set()

    def lockf(descriptor: int, command: int, length: int) -> None:
        time_is_over.wait()
        time.sleep(0.01)

    monkeypatch.setattr(threading.Thread, "join", join_on_a_busy_machine)
    monkeypatch.setattr(os, "lockf", lockf)
    assert knows_locks(tmp_path)


def test_a_lock_that_another_process_has_taken_meanwhile_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.sqlite"
    lock = lock_folder(path)
    lock.mkdir()
    os.utime(lock, (time.time() - 120,) * 2)
    touch = Path.touch

    def touch_while_another_takes_the_lock(probe: Path) -> None:
        touch(probe)
        lock.rmdir()
        lock.mkdir()

    monkeypatch.setattr(Path, "touch", touch_while_another_takes_the_lock)
    remove_abandoned(path)
    assert [entry.name for entry in tmp_path.iterdir()] == [lock.name]


def test_a_usual_disk_knows_locks(tmp_path: Path) -> None:
    assert knows_locks(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert knows_locks(tmp_path / "missing")
