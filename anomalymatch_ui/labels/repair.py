"""A journal made anew of all that still holds of a damaged one, its log and its copy."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import sqlite3
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from anomalymatch_ui.errors import AnomalyMatchError, InputError, SessionBusyError
from anomalymatch_ui.files import storage_errors
from anomalymatch_ui.labels.beside import Sound, put_extras, put_meta, sound_pairs
from anomalymatch_ui.labels.checking import LOST_ROWS, lost_rows, spans
from anomalymatch_ui.labels.copies import Held, JournalCopy, Key
from anomalymatch_ui.labels.database import (
    checkpoint,
    database_errors,
    decode,
    insert_rows,
    open_database,
    transaction,
)
from anomalymatch_ui.labels.journal import Journal
from anomalymatch_ui.labels.rows import pair_of, parsed, text_of
from anomalymatch_ui.labels.salvage import counted_rows, log_pages, salvaged_rows

try:
    import fcntl
except ImportError:  # Windows: there the files are only compared
    fcntl = None  # type: ignore[assignment]

_LOCK_BYTES = (0x40000000, 512)
"""Where SQLite locks a file, and how many bytes (sqlite.org/fileformat2.html, section 1.4): whoever has a
journal open holds some of them, whether they write or not."""

_MOST_TOLD = 20
"""Things that a sentence lists at most."""

_SHORTEST_ROW = 60
"""Bytes of a row of a journal at least: its time, its checksum and an id of a few letters."""


@dataclass(frozen=True)
class Repaired:
    """What a repair has come to.

    Attributes
    ----------
    path
        The journal.
    rows
        How many rows it has now.
    from_copy, from_log
        How many of them its copy or its log alone had.
    unproved
        How many were written by a version that kept no checksums, so that nothing proves them.
    lost
        Numbers of the rows that could not be saved.
    contradictory
        Numbers of the rows of which the copy says something else than the journal, which counts.
    set_aside
        Where the damaged files are now; empty if nothing was damaged, and nothing was changed.
    end
        Number of the last row found, where it is not known how many came after it; else ``None``.
    unsaved
        What was kept beside the labels and could not be saved, in words.
    """

    path: Path
    rows: int
    from_copy: int = 0
    from_log: int = 0
    unproved: int = 0
    lost: tuple[int, ...] = ()
    contradictory: tuple[int, ...] = ()
    set_aside: tuple[Path, ...] = ()
    end: int | None = None
    unsaved: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """Return what was saved and what was not, for a person."""
        if not self.set_aside:
            return [f"Nothing is damaged: {_intact(self.rows)}."]
        were, are = ("was", "is") if self.rows == 1 else ("were", "are")
        told = [f"{_rows(self.rows)} of the journal {were} recovered and {are} in {self.path} again."]
        if self.from_copy or self.from_log:
            some = _some(self.from_copy).capitalize()
            were = "was" if self.from_copy == 1 else "were"
            others = _some(self.from_log)
            told.append(f"{some} of them {were} found only in the copy, {others} only in the log.")
        if self.unproved:
            told.append(
                f"{self.unproved:,} were written by an older version without checksums: they look whole, but "
                "nothing proves it."
            )
        if self.contradictory:
            told.append(
                f"Of {_rows(len(self.contradictory))} the copy says something else "
                f"({_listed(self.contradictory)}); the journal counts."
            )
        if self.lost:
            told.append(
                f"{_rows(len(self.lost))} could not be saved ({_listed(self.lost)}): the labels that they "
                "gave are lost, and those images have their previous label."
            )
        if self.end is not None:
            told.append(
                f"How many rows came after row {self.end:,} is not known: the count in the file is "
                "damaged, or most of the file is gone."
            )
        if not self.lost and self.end is None:
            told.append("No row is known to be lost.")
        if self.unsaved:
            more = "; …" if len(self.unsaved) > _MOST_TOLD else ""
            told.append(f"Beside the labels, not saved: {'; '.join(self.unsaved[:_MOST_TOLD])}{more}.")
        kept = ", ".join(path.name for path in self.set_aside)
        told.append(f"What was there before is kept beside it ({kept}).")
        return told


def repair_journal(path: Path) -> Repaired:
    """Make a journal anew of what holds of it, unless all of it does, while nobody else has it open.

    The rows keep their numbers, and what was there before is kept under other names.

    Parameters
    ----------
    path
        The journal. It may be missing, where its copy is there.

    Raises
    ------
    InputError
        If there is neither, or no label is found in them; nothing is changed then.
    SessionBusyError
        If anybody has it open, or labels meanwhile; nothing is changed then.
    StorageError
        If the disk refuses; nothing is changed then, either.
    """
    log, copy = path.with_name(f"{path.name}-wal"), JournalCopy(path)
    with storage_errors(path), _alone(path) as file:
        before = _states(path, log, copy.path)
        contents = {
            path: b"" if file is None else file.read(),
            log: _bytes(log),
            copy.path: _bytes(copy.path),
        }
        if not contents[path] and not contents[copy.path]:
            raise InputError(f"There is no journal of labels in {path.parent}, and no copy of one.")
        # Of the log SQLite reads what it believes, and then empties it: so all is read from other files.
        with tempfile.TemporaryDirectory(prefix=".repair-", dir=path.parent) as temporary:
            found = _found(Path(temporary), path.name, contents, copy.read())
            if isinstance(found, int):
                return Repaired(path, found)
            if not found.rows and (contents[path] or not found.texts):
                raise InputError(f"No label could be found in {path} or its copy. Nothing was changed.")
            made = Path(temporary) / "made.sqlite"
            _make(made, found)
            # Some file systems know no locks: there a label given meanwhile is told from what it changed.
            if _states(path, log, copy.path) != before:
                raise _busy(path)
            set_aside = _set_aside(contents, path)
            copy.replace(Held(found.texts))
            for beside in (log, path.with_name(f"{path.name}-shm")):
                beside.unlink(missing_ok=True)
            made.replace(path)
            if file is not None and file.writable():
                # Whoever waits to open the former file shall not label in it, where nobody would find it.
                file.seek(0)
                file.write(bytes(100))
                file.flush()
    with Journal(path) as journal:
        rows = len(journal.entries(marks=True))
    return Repaired(
        path,
        rows,
        found.from_copy,
        found.from_log,
        found.unproved,
        tuple(sorted(found.lost)),
        tuple(sorted(found.contradictory)),
        set_aside,
        found.end,
        found.unsaved,
    )


@dataclass(frozen=True)
class _Found:
    texts: dict[Key, str]
    rows: int
    from_copy: int
    from_log: int
    unproved: int
    lost: set[int]
    contradictory: set[int]
    end: int | None
    unsaved: tuple[str, ...]


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[IO[bytes] | None]:
    """Open a journal's file with the lock that SQLite takes to be alone; ``None`` if there is no file.

    SQLite itself cannot be asked to: it may not be able to open the file, and writes its log into it when it
    closes it. The file stays open to the end, as closing it anywhere in a process may let go of the lock.

    Raises
    ------
    SessionBusyError
        If anybody else has the journal open.
    """
    if not path.is_file():
        yield None
        return
    mode = "r+b" if os.access(path, os.W_OK) else "rb"
    with path.open(mode) as file:
        if fcntl is not None and mode == "r+b":
            try:
                _lock(file.fileno())
            except OSError as error:
                if error.errno in (errno.EACCES, errno.EAGAIN):
                    raise _busy(path) from error
        yield file


def _lock(descriptor: int) -> None:
    start, length = _LOCK_BYTES
    command = getattr(fcntl, "F_OFD_SETLK", None)
    if command is None:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
    else:  # Linux: a lock of the open file, which also sees the journals of this process
        fcntl.fcntl(descriptor, command, struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, start, length, 0))


def _busy(path: Path) -> SessionBusyError:
    return SessionBusyError(
        f"Somebody has the labels in {path} open, perhaps to label beside others. Close all pages and "
        "programs that have this session open, then repair it again. Nothing was changed."
    )


def _states(*paths: Path) -> list[tuple[int, int] | None]:
    """Return size and time of files; ``None`` for one that is not there."""
    found = [path.stat() if path.is_file() else None for path in paths]
    return [None if state is None else (state.st_size, state.st_mtime_ns) for state in found]


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _found(temporary: Path, name: str, contents: dict[Path, bytes], held: Held) -> _Found | int:
    """Return what can be saved, from copies of the files; only the number of rows if nothing is lacking."""
    file, log, _ = contents.values()
    in_file, unproved = _salvaged(file)
    in_log, unproved_in_log = _salvaged(*log_pages(log))
    twin = temporary / name
    for path, content in contents.items():
        if content:
            (temporary / path.name).write_bytes(content)
    whole = _whole(twin)
    if whole is not None and in_log.keys() | held.rows.keys() <= whole:
        return len(whole)
    for path, content in contents.items():  # as they were, whatever opening them has done
        if content:
            (temporary / path.name).write_bytes(content)
    sound = _beside(twin)
    in_copy = held.rows
    proved = in_log | in_copy | in_file
    content = b"".join([file, *log_pages(log)])
    # A damaged number may be any: one is believed as far as the bytes have room for the rows before it.
    room = len(content) // _SHORTEST_ROW
    unproved = {
        number: text
        for number, text in (unproved_in_log | unproved).items()
        if number <= max(max(proved, default=0), len(unproved)) + room
    }
    rows = unproved | proved
    is_behind = max(in_copy, default=0) > max(in_file | in_log, default=0)
    kept = {key: text for key, text in held.texts.items() if key[0] != "row"}
    beside = sound.texts | kept if is_behind else kept | sound.texts
    before = dict(pair_of(text) for (kind, _), text in beside.items() if kind == "meta")
    last = max(rows, default=0)
    # Where the copy holds, its end is that of the journal; else SQLite's count may tell of more rows.
    counted = last if last in in_copy and not held.damaged else counted_rows(content)
    is_credible = counted <= last + room
    missing = set(range(1, (max(last, counted) if is_credible else last) + 1)).difference(rows)
    lost = (missing | lost_rows(before)).difference(rows)
    if lost:
        beside["meta", LOST_ROWS] = text_of((LOST_ROWS, spans(lost)))
    has_all = max(in_copy, default=0) >= max(in_file | in_log, default=0) and not held.damaged and in_copy
    unsaved = () if has_all else tuple(_unsaved(sound, beside))
    texts: dict[Key, str] = {("row", number): rows[number] for number in sorted(rows)}
    return _Found(
        texts | beside,
        len(rows),
        len(in_copy.keys() - in_file.keys()),
        len(in_log.keys() - in_file.keys() - in_copy.keys()),
        len(rows.keys() - in_file.keys() - in_copy.keys() - in_log.keys()),
        missing - lost_rows(before),
        {number for number in in_copy.keys() & in_file.keys() if in_copy[number] != in_file[number]},
        None if is_credible else last,
        unsaved,
    )


def _unsaved(sound: Sound, saved: dict[Key, str]) -> Iterator[str]:
    """Return, for a person, what beside the labels could not be read and is in no copy."""
    for kind, key in sound.damaged:
        if (kind, key) not in saved and key != LOST_ROWS:
            name = str(key).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            yield f"the columns of a table for {name}" if kind == "extras" else f"what is kept as {name!r}"
    if "extras" in sound.unread:
        yield "other columns of imported tables, if there were any"
    if "meta" in sound.unread:
        yield "names of tags, classes and records of imports, if there were any"


def _salvaged(*contents: bytes) -> tuple[dict[int, str], dict[int, str]]:
    """Return the rows in some bytes that a checksum proves, and those without one, as JSON by number."""
    proved: dict[int, str] = {}
    unproved: dict[int, str] = {}
    for row, is_proved in itertools.chain(*map(salvaged_rows, contents)):
        (proved if is_proved else unproved)[row[0]] = text_of(row)
    return proved, unproved


def _whole(twin: Path) -> set[int] | None:
    """Return the numbers of the rows of a journal that can be opened."""
    try:
        with Journal(twin) as journal:
            return {entry.seq for entry in journal.entries(marks=True)}
    except AnomalyMatchError:
        return None


def _beside(twin: Path) -> Sound:
    """Return the extras and facts that SQLite can read, and which it cannot."""
    with contextlib.closing(sqlite3.connect(twin)) as connection:
        connection.text_factory = decode
        return sound_pairs(connection)


def _make(path: Path, found: _Found) -> None:
    """Write a journal of what was found, and check it."""
    rows = [text for (kind, _), text in found.texts.items() if kind == "row"]
    pairs = {
        table: [pair_of(text) for (kind, _), text in found.texts.items() if kind == table]
        for table in ("extras", "meta")
    }
    connection = open_database(path)
    with contextlib.closing(connection), database_errors(path):
        with transaction(connection):
            insert_rows(connection, [parsed(text) for text in rows], rows)
            put_extras(connection, pairs["extras"])
            put_meta(connection, pairs["meta"])
        checkpoint(connection)
    with Journal(path):
        pass


def _set_aside(contents: dict[Path, bytes], journal: Path) -> tuple[Path, ...]:
    """Copy the files as they were to names of their own."""
    stem = f"{journal.stem}-damaged-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
    kept = []
    for path, content in contents.items():
        if content:
            aside = path.with_name(path.name.replace(journal.stem, stem, 1))
            aside.write_bytes(content)
            kept.append(aside)
    return tuple(kept)


def _intact(number: int) -> str:
    few = ("the journal has no rows", "the only row of the journal is intact")
    return few[number] if number < 2 else f"all {number:,} rows of the journal are intact"


def _some(number: int) -> str:
    return f"{number:,}" if number else "none"


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"


def _listed(numbers: tuple[int, ...], most: int = _MOST_TOLD) -> str:
    """Return the numbers of rows, the first of many."""
    few = spans(set(numbers)).split(",")
    return ", ".join(few[:most]) + (", …" if len(few) > most else "")
