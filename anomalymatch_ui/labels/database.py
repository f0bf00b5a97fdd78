"""The journal's SQLite file: opened durable, recognised, and its errors turned into sentences."""

from __future__ import annotations

import contextlib
import random
import shlex
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from anomalymatch_ui.errors import DamagedJournalError, InputError, StorageError
from anomalymatch_ui.labels.locks import knows_locks, lock_folder, remove_abandoned
from anomalymatch_ui.labels.rows import COLUMNS, Row, checksum_of

APPLICATION_ID = 0x414D554A
"""Marks the SQLite file as ours (``PRAGMA application_id``): the letters AMUJ."""

SCHEMA_VERSION = 4
"""2 added what was shown with a label, 3 a checksum to each row, 4 marks: artefacts, tags and notes. An
older file gets the columns, empty, when it is opened."""

TRIGGERS = (
    """
    CREATE TRIGGER journal_rows_never_change BEFORE UPDATE ON journal
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END
    """,
    """
    CREATE TRIGGER journal_rows_stay BEFORE DELETE ON journal
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END
    """,
)

_MIGRATIONS = {
    1: (
        "ALTER TABLE journal ADD COLUMN probability REAL",
        "ALTER TABLE journal ADD COLUMN height REAL",
        "PRAGMA user_version = 2",
    ),
    2: (
        "ALTER TABLE journal ADD COLUMN checksum INTEGER",
        "ALTER TABLE extras ADD COLUMN checksum INTEGER",
        "ALTER TABLE meta ADD COLUMN checksum INTEGER",
        "PRAGMA user_version = 3",
    ),
    3: (
        "ALTER TABLE journal ADD COLUMN mark TEXT",
        "ALTER TABLE journal ADD COLUMN value TEXT",
        "PRAGMA user_version = 4",
    ),
}
"""What makes of each version the next, in one transaction: a crash leaves the file as it was."""

BUSY_TIMEOUT = 10_000
"""Milliseconds to wait for another process's transaction."""

_INSERT = (
    f"INSERT INTO journal ({', '.join(COLUMNS)}, checksum) "
    f"VALUES ({', '.join('CAST(? AS TEXT)' if name == 'image_id' else '?' for name in COLUMNS)}, ?)"
)

SCHEMA = (
    """
    CREATE TABLE journal (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        time TEXT NOT NULL,
        image_id TEXT NOT NULL,
        label TEXT CHECK (label IN ('anomaly', 'nominal', 'unsure')),
        annotator TEXT NOT NULL,
        origin TEXT NOT NULL,
        action INTEGER NOT NULL,
        reverts INTEGER,
        probability REAL,
        height REAL,
        checksum INTEGER,
        mark TEXT,
        value TEXT
    )
    """,
    *TRIGGERS,
    "CREATE TABLE extras (image_id TEXT PRIMARY KEY, columns TEXT NOT NULL, checksum INTEGER)",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL, checksum INTEGER)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)


def open_database(path: Path) -> sqlite3.Connection:
    """Open a journal's file, making it when it is missing.

    The connection is in autocommit mode and may be used from any thread under a lock of the caller.
    WAL with ``synchronous=FULL`` syncs at every commit, so that a committed row outlives a power cut. On a
    disk without locks, which WAL needs, SQLite locks the file by a folder beside it and keeps what was there
    before a transaction in a file (``unix-dotfile``, ``DELETE``).

    Raises
    ------
    InputError
        If the file is something else, or of a newer version of the schema.
    StorageError
        If the disk refuses.
    """
    has_locks = knows_locks(path.parent)
    if not has_locks:
        remove_abandoned(path)
    with database_errors(path):
        connection = _connected(path) if has_locks else _connected_without_locks(path)
        try:
            connection.text_factory = decode
            with transaction(connection):
                _make_or_recognise(connection, path)
            if has_locks:
                _log_ahead(connection)
            connection.execute(f"PRAGMA synchronous = {'FULL' if has_locks else 'EXTRA'}")
        except BaseException:
            connection.close()
            raise
        return connection


def open_in_memory(path: Path, content: bytes) -> sqlite3.Connection:
    """Return a journal that is held in memory, to be read; ``path`` is where its bytes come from.

    Raises
    ------
    InputError
        If the file is something else, or of a newer version of the schema.
    """
    with database_errors(path):
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        try:
            connection.text_factory = decode
            if content:
                connection.deserialize(content)
            with transaction(connection):
                _make_or_recognise(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


@contextlib.contextmanager
def log_put_back(path: Path) -> Iterator[bytes]:
    """Return the bytes of a journal's log, and put the log back if the body fails and leaves none.

    Closing the last connection writes into the file what SQLite believes of the log, and deletes it.
    """
    log = path.with_name(f"{path.name}-wal")
    try:
        content = log.read_bytes()
    except OSError:  # there is none; or SQLite cannot read it either, and says so
        content = b""
    try:
        yield content
    except BaseException:
        if content and not log.exists():
            log.write_bytes(content)
        raise


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
    return connection


def _connected_without_locks(path: Path) -> sqlite3.Connection:
    """Connect to a file on a disk that knows no locks, and write what a log has into it, for good."""
    address = f"{path.absolute().as_uri()}?vfs=unix-dotfile"
    connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
        # A log is read without memory shared by processes by who has the file for itself.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA locking_mode = NORMAL")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # and with it the lock is let go
    except BaseException:
        connection.close()
        raise
    return connection


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Switch the file to WAL, waiting until no other connection is in the middle of something.

    The switch needs the file for itself, and of several connections that want it at once SQLite refuses all
    but one, or lets two wait for each other until their patience ends. So nobody waits inside SQLite:
    each lets go, and tries again at another moment.
    """
    until = time.monotonic() + BUSY_TIMEOUT / 1000
    connection.execute("PRAGMA busy_timeout = 0")
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(random.uniform(0.001, 0.02))
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Hold the file's write lock; commit at the end, or leave the file as it was."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def insert_rows(connection: sqlite3.Connection, rows: Sequence[Row], texts: Sequence[str]) -> None:
    """Add rows to the journal, each with the checksum of its text; in a transaction of the caller."""
    image_id = COLUMNS.index("image_id")
    connection.executemany(
        _INSERT,
        [
            (*row[:image_id], encode(row[image_id]), *row[image_id + 1 :], checksum_of(text))
            for row, text in zip(rows, texts, strict=True)
        ],
    )


def checkpoint(connection: sqlite3.Connection) -> bool:
    """Write the log into the file and empty it, unless another process is in the way; gives whether it is."""
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience}")
    return not busy


@contextlib.contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about ``path`` into sentences.

    Raises
    ------
    DamagedJournalError
        If the file is no SQLite file or a damaged one.
    StorageError
        If the disk is full, read-only or failing, another process holds the file, or it is closed.
    """
    try:
        yield
    except sqlite3.ProgrammingError as error:  # of how the file is used, not of what is in it
        if "closed" not in str(error):
            raise
        raise StorageError(
            f"The labels in {path} are closed. Open the session again; what was saved before is still there."
        ) from error
    except sqlite3.Error as error:
        # An extended code keeps its primary one, which is what decides here, in the lowest byte.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in _DAMAGED:
            raise damaged(path, f"it is not a readable journal of labels ({error})") from error
        advice = _ADVICE.get(code, "Check that its disk is there and can be written")
        if code == sqlite3.SQLITE_BUSY and (lock := lock_folder(path)).exists():
            remove_abandoned(path)
            advice += f" (if none does, one was killed: {lock} is passed over when it is a minute old)"
        if code == sqlite3.SQLITE_CANTOPEN and path.with_name(f"{path.name}-wal").exists():
            advice += (
                ", and that nobody has the session open who sees its disk with locks, where you see it "
                "without, or the other way round"
            )
        raise StorageError(
            f"Cannot keep labels in {path}: {error}. {advice}, then try again; "
            "what was saved before is still there."
        ) from error


def damaged(path: Path, what: str) -> DamagedJournalError:
    """Return the error that says what is wrong with a journal, and how to get its labels back."""
    return DamagedJournalError(
        f"The labels in {path} cannot be opened: {what}. "
        f"`{_repair(path)}` saves every label that still holds, and says which."
    )


def _repair(path: Path) -> str:
    return f"anomalymatch repair {shlex.quote(str(path.parent))}"


_DAMAGED = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR}
"""SQLite's plain error is one, too: it says that a table or a column is missing."""

_ADVICE = {
    sqlite3.SQLITE_FULL: "Free some space on its disk",
    sqlite3.SQLITE_READONLY: "Give yourself the right to write to the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "Check that its folder exists and that you may write there",
    sqlite3.SQLITE_BUSY: "Close the other program that holds the file",
}


def encode(image_id: str) -> bytes:
    """Bytes of an image id, for ``CAST(? AS TEXT)``.

    File names need not be UTF-8; Python carries their other bytes as lone surrogates, which the
    driver itself refuses to bind.
    """
    return image_id.encode("utf-8", "surrogateescape")


def decode(text: bytes) -> str:
    """Return text as :func:`encode` took it."""
    return text.decode("utf-8", "surrogateescape")


def _make_or_recognise(connection: sqlite3.Connection, path: Path) -> None:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables == 0:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        if pages > 1:
            raise damaged(path, "its list of tables is empty, though there is more in it")
        for statement in SCHEMA:
            connection.execute(statement)
        return
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID or version < min(_MIGRATIONS):
        columns = {name for _, name, *_ in connection.execute("PRAGMA table_info(journal)")}
        if version > 0 and {"seq", "image_id", "annotator"} <= columns:
            raise damaged(path, "it is a journal of labels, but its first bytes do not say so any more")
        raise InputError(f"{path} is an SQLite file, but not a journal of labels. Choose another folder.")
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{path} was written by a newer anomalymatch-ui (version {version} of the journal; "
            f"this one knows {SCHEMA_VERSION}). Update anomalymatch-ui to open it. If there never was a "
            f"newer one, the file is damaged: `{_repair(path)}` saves its labels."
        )
    for older in range(version, SCHEMA_VERSION):
        for statement in _MIGRATIONS[older]:
            connection.execute(statement)
