"""A file with its log applied in memory reads as SQLite itself reads the two, whole or cut off anywhere."""

from __future__ import annotations

import shutil
import sqlite3
import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomalymatch_ui.errors import ReadOnlyError
from anomalymatch_ui.labels import Journal
from anomalymatch_ui.labels.walfile import _checksum, with_log

ME = "me"
QUERY = "SELECT number, text FROM things ORDER BY number"


def in_memory(content: bytes) -> list[tuple[int, str]]:
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(content)
        return connection.execute(QUERY).fetchall()
    finally:
        connection.close()


def by_sqlite(path: Path) -> list[tuple[int, str]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(QUERY).fetchall()
    finally:
        connection.close()


@given(
    sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=8),
    emptied_after=st.integers(0, 8),
    kept=st.floats(0, 1),
    flipped=st.none() | st.floats(0, 1),
)
@settings(max_examples=40, deadline=None)
def test_it_reads_as_sqlite_does(
    sizes: list[int], emptied_after: int, kept: float, flipped: float | None
) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a.sqlite"
        writing = sqlite3.connect(path, isolation_level=None)
        writing.execute("PRAGMA journal_mode = WAL")
        writing.execute("CREATE TABLE things (number INTEGER PRIMARY KEY, text TEXT)")
        writing.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for number, size in enumerate(sizes):
            if number == emptied_after:
                writing.execute("PRAGMA wal_checkpoint(RESTART)")  # the next log begins over the former one
            writing.execute("INSERT INTO things VALUES (?, ?)", (number, "x" * size))
        log = path.with_name("a.sqlite-wal").read_bytes()
        log = log[: round(kept * len(log))]
        if flipped is not None and log:
            changed = bytearray(log)
            changed[min(round(flipped * len(log)), len(log) - 1)] ^= 1
            log = bytes(changed)
        other = Path(name) / "other.sqlite"
        shutil.copy(path, other)
        other.with_name("other.sqlite-wal").write_bytes(log)
        content = path.read_bytes()
        writing.close()
        assert in_memory(with_log(content, log)) == by_sqlite(other)


def test_a_log_of_somebody_else_does_not_decide_how_much_memory_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    writing = sqlite3.connect(path, isolation_level=None)
    writing.execute("PRAGMA journal_mode = WAL")
    writing.execute("CREATE TABLE things (number INTEGER PRIMARY KEY, text TEXT)")
    writing.execute("INSERT INTO things VALUES (1, 'x')")
    content = path.read_bytes()
    log = bytearray(path.with_name("a.sqlite-wal").read_bytes())
    writing.close()
    sums, order = struct.unpack_from(">2I", log, 24), ">" if log[3] & 1 else "<"
    width = struct.unpack_from(">I", log, 8)[0]
    for place in range(32, len(log), 24 + width):
        if place + 24 + width == len(log):  # the last commit
            log[place + 4 : place + 8] = struct.pack(">I", 2**31)
        page = bytes(log[place + 24 : place + 24 + width])
        sums = _checksum(page, order, _checksum(bytes(log[place : place + 8]), order, sums))
        log[place + 16 : place + 24] = struct.pack(">2I", *sums)
    assert in_memory(with_log(content, bytes(log))) == []


def test_a_journal_is_viewed_while_another_connection_labels(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.sqlite") as writing:
        writing.append(["a"], "anomaly", ME, "key")
        with Journal(tmp_path / "journal.sqlite", viewed="No.") as viewed:
            assert dict(viewed.view()) == {"a": "anomaly"}
            writing.append(["b"], "nominal", ME, "key")
            assert dict(viewed.view()) == {"a": "anomaly", "b": "nominal"}
            assert viewed.last_seq == viewed.last_foreign_seq == 2
            writing.undo(ME, "key")
            assert dict(viewed.view()) == {"a": "anomaly"}
            with pytest.raises(ReadOnlyError, match=r"^No\.$"):
                viewed.append(["c"], "nominal", ME, "key")
            with pytest.raises(ReadOnlyError):
                viewed.keep_meta({"a": "b"})


def test_a_journal_that_is_not_there_is_viewed_as_an_empty_one(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.sqlite", viewed="No.") as viewed:
        assert dict(viewed.view()) == {}
    assert list(tmp_path.iterdir()) == []
