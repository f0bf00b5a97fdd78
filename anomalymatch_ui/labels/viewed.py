"""The file of a journal that cannot be written: read into memory, and again whenever it has changed."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import AbstractContextManager
from pathlib import Path

from anomalymatch_ui.docstrings import as_in
from anomalymatch_ui.errors import DamagedJournalError, ReadOnlyError, StorageError
from anomalymatch_ui.labels.beside import DamagedRow, read_extras, read_meta
from anomalymatch_ui.labels.checking import check_header, check_journal, read_copy, rows_after
from anomalymatch_ui.labels.copies import Held, JournalCopy
from anomalymatch_ui.labels.database import damaged, database_errors, open_in_memory
from anomalymatch_ui.labels.journalfile import JournalFile, Writing
from anomalymatch_ui.labels.rows import Row
from anomalymatch_ui.labels.salvage import rows_in_log
from anomalymatch_ui.labels.walfile import with_log

_TRIES, _PAUSE = 20, 0.05
"""How often a file that somebody is writing is read until it holds still, and seconds between."""

Stamp = tuple[tuple[int, int, int] | None, ...]


class ViewedFile:
    """Rows of a journal that somebody else may write, and that this process only reads.

    Used as :class:`~anomalymatch_ui.labels.journalfile.JournalFile`, under a lock of the caller.

    Parameters
    ----------
    path
        The file; where it is missing there are no rows.
    reason
        Why nothing can be written, a sentence.
    """

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self._reason = reason
        self._copy = JournalCopy(path)
        self._log = path.with_name(f"{path.name}-wal")
        self._before = path.with_name(f"{path.name}-journal")
        self._version = 0

    @as_in(JournalFile.open)
    def open(self) -> list[Row]:
        """Read the file, check all of it, and return the rows."""
        held = read_copy(self.path, self._copy)
        self._stamp, self._connection, rows = self._read(held)
        return rows

    def writing(self) -> AbstractContextManager[Writing]:
        """Raise ``ReadOnlyError``, for nothing can be written."""
        raise ReadOnlyError(self._reason)

    def rows_after(self, seq: int) -> list[Row]:
        """Return the rows after a number, in order."""
        try:
            with database_errors(self.path):
                return rows_after(self._connection, seq)
        except DamagedRow as error:
            raise damaged(self.path, str(error)) from error

    def extras(self) -> dict[str, dict[str, str]]:
        """Return the other columns of images, by image id and column name."""
        with database_errors(self.path):
            return read_extras(self._connection)

    def meta(self) -> dict[str, str]:
        """Return the small facts."""
        with database_errors(self.path):
            return read_meta(self._connection)

    def version(self) -> int:
        """Return a number that changes when somebody else has written; reads what they wrote."""
        if self._stamped() != self._stamp:
            try:
                stamp, connection, _ = self._read(Held())
            except (DamagedJournalError, StorageError):  # in the middle of being written, or the disk is away
                return self._version
            self._connection.close()
            self._stamp, self._connection = stamp, connection
            self._version += 1
        return self._version

    def check_place(self) -> None:
        """Do nothing: a file that is only read need not lie where it was opened."""

    def close(self) -> None:
        """Forget what was read. Closing twice does no harm."""
        self._connection.close()

    def _read(self, held: Held) -> tuple[Stamp, sqlite3.Connection, list[Row]]:
        stamp, content, log = self._contents()
        check_header(self.path)
        connection = open_in_memory(self.path, with_log(content, log))
        try:
            known = Held({**rows_in_log(log), **held.texts})
            _, rows = check_journal(connection, self.path, known)
        except BaseException:
            connection.close()
            raise
        return stamp, connection, rows

    def _contents(self) -> tuple[Stamp, bytes, bytes]:
        """Return file and log as they were at one moment."""
        for _ in range(_TRIES):
            stamp = self._stamped()
            if stamp[2] is not None:  # there is what was before a transaction that has not ended
                time.sleep(_PAUSE)
                continue
            log, content = self._bytes(self._log), self._bytes(self.path)
            if stamp == self._stamped():
                return stamp, content, log
            time.sleep(_PAUSE)
        raise StorageError(
            f"The labels in {self.path} cannot be read: somebody is writing them, or was killed while they "
            "did. Try again; if that does not help, open the session once where it can be written."
        )

    def _stamped(self) -> Stamp:
        return tuple(_stamp(path) for path in (self.path, self._log, self._before))

    def _bytes(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise StorageError(
                f"The labels in {path} cannot be read: {error.strerror or error}. Ask for the right to read "
                "the session's folder, or copy it."
            ) from error


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
