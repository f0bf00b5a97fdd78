"""The file of an open journal, its copy and its log: checked when opened, written wholly or not at all."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from anomalymatch_ui.labels.beside import DamagedRow, read_extras, read_meta, write_extras, write_meta
from anomalymatch_ui.labels.checking import check_header, check_journal, read_copy, rows_after
from anomalymatch_ui.labels.copies import Held, JournalCopy, Key
from anomalymatch_ui.labels.database import (
    checkpoint,
    damaged,
    database_errors,
    insert_rows,
    log_put_back,
    open_database,
    transaction,
)
from anomalymatch_ui.labels.idle import WhenIdle
from anomalymatch_ui.labels.place import Place
from anomalymatch_ui.labels.rows import Row, text_of
from anomalymatch_ui.labels.salvage import rows_in_log

IDLE_SECONDS = 2.0
"""Without a label, after which the log is written into the file: between two of one run lie fewer."""


class Writing:
    """What one transaction writes, and what of it the copy gets once it is committed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._written: dict[Key, str] = {}

    def rows(self, rows: Sequence[Row]) -> None:
        """Add rows of labels."""
        texts = [text_of(row) for row in rows]
        insert_rows(self._connection, rows, texts)
        self._written.update((("row", row[0]), text) for row, text in zip(rows, texts, strict=True))

    def extras(self, extras: Mapping[str, Mapping[str, str]]) -> None:
        """Keep other columns of images; former ones stay beside them."""
        self._written.update(write_extras(self._connection, extras))

    def meta(self, meta: Mapping[str, str]) -> None:
        """Keep small facts; a key that is there already gets the new value."""
        self._written.update(write_meta(self._connection, meta))

    def lines(self) -> Iterator[str]:
        """Return what was written, as lines of a copy."""
        return Held(self._written).lines()


class OpenFile(Protocol):
    """An open journal as rows: one that is written, or one that is only viewed."""

    def open(self) -> list[Row]:
        """Open the file, check all of it, and return the rows."""

    def writing(self) -> AbstractContextManager[Writing]:
        """Commit what the body writes, unless it raises."""

    def rows_after(self, seq: int) -> list[Row]:
        """Return the rows after a number, in order."""

    def extras(self) -> dict[str, dict[str, str]]:
        """Return the other columns of images, by image id and column name."""

    def meta(self) -> dict[str, str]:
        """Return the small facts."""

    def version(self) -> int:
        """Return a number that changes when somebody else has written."""

    def check_place(self) -> None:
        """Check that what is written now would be found again."""

    def close(self) -> None:
        """Close the file."""


class JournalFile:
    """An open journal as rows. Used under a lock of the caller, which is also taken when nobody writes.

    Attributes
    ----------
    connection
        SQLite's.

    Parameters
    ----------
    path
        The file; made when it is missing.
    lock
        Held by the caller in every call.
    """

    def __init__(self, path: Path, lock: threading.RLock) -> None:
        self.path = path
        self._lock = lock
        self._copy = JournalCopy(path)
        self._idle = WhenIdle(self._write_log_into_file, IDLE_SECONDS)

    def open(self) -> list[Row]:
        """Open the file, check all of it, bring the copy up to date, and return the rows.

        Raises
        ------
        InputError
            If the file is not a journal, or of a newer version.
        DamagedJournalError
            If a row is damaged or missing.
        StorageError
            If the disk refuses.
        """
        held = read_copy(self.path, self._copy)
        check_header(self.path)
        # SQLite reads a log to its first damaged byte, and removes it: behind that may be labels, too.
        with log_put_back(self.path) as log:
            known = Held({**rows_in_log(log), **held.texts})
            self.connection = open_database(self.path)
            try:
                found, rows = check_journal(self.connection, self.path, known)
                self._copy.add(found.lines_missing_in(held))
                self._place = Place(self.path)
            except BaseException:
                self.connection.close()
                raise
        return rows

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Commit what the body writes, unless it raises; then bring the copy up to date.

        Raises
        ------
        StorageError
            If the disk refuses, or the file is not where it was; then nothing is written.
        """
        with self._reading():
            writing = Writing(self.connection)
            with transaction(self.connection):
                yield writing
                self._place.check()  # the last moment at which nothing is written yet
        self._copy.add(writing.lines())
        self._idle.touch()

    def rows_after(self, seq: int) -> list[Row]:
        """Return the rows after a number, in order. Raises as :meth:`meta`."""
        with self._reading():
            return rows_after(self.connection, seq)

    def extras(self) -> dict[str, dict[str, str]]:
        """Return the other columns of images, by image id and column name. Raises as :meth:`meta`."""
        with self._reading():
            return read_extras(self.connection)

    def meta(self) -> dict[str, str]:
        """Return the small facts.

        Raises
        ------
        DamagedJournalError
            If a row does not fit its checksum.
        StorageError
            If the file cannot be read.
        """
        with self._reading():
            return read_meta(self.connection)

    def version(self) -> int:
        """Return a number that changes exactly when another connection has committed; takes microseconds."""
        with database_errors(self.path):
            (version,) = self.connection.execute("PRAGMA data_version").fetchone()
            return int(version)

    def check_place(self) -> None:
        """Check that the file lies where it was opened. Raises ``StorageError``."""
        self._place.check()

    def close(self) -> None:
        """Close the file. Closing twice does no harm."""
        self._idle.close()
        self.connection.close()
        self._copy.sync()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            with database_errors(self.path):
                yield
        except DamagedRow as error:
            raise damaged(self.path, str(error)) from error

    def _write_log_into_file(self) -> bool:
        """Empty the log, whose damage would take all behind it along; gives whether it is empty."""
        with self._lock:
            try:
                done = checkpoint(self.connection)
            except sqlite3.Error:  # closed; or the disk refuses, which the next label says
                return True
        self._copy.sync()
        return done
