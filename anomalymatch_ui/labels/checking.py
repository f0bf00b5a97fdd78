"""Whether a journal is as it was written: looked at whenever it is opened, before any label counts."""

from __future__ import annotations

import functools
import sqlite3
import struct
from pathlib import Path

from anomalymatch_ui.labels.beside import DamagedRow, put_extras, put_meta, read_beside, read_meta
from anomalymatch_ui.labels.copies import Held, JournalCopy, Key
from anomalymatch_ui.labels.database import (
    APPLICATION_ID,
    SCHEMA,
    TRIGGERS,
    damaged,
    database_errors,
    transaction,
)
from anomalymatch_ui.labels.rows import COLUMNS, Row, checksum_of, is_plausible, text_of

LOST_ROWS = "lost rows"
"""Fact kept with the labels: numbers of the rows that a repair could not save, as ``17-19,25``."""

_ROWS = f"SELECT {', '.join(COLUMNS)}, checksum FROM journal WHERE seq > ? ORDER BY seq"

_FIXED_BYTES = ((18, b"\1\2"), (19, b"\1\2"), (20, b"\0"), (21, b"\x40"), (22, b"\x20"), (23, b"\x20"))
"""Place in the file's header, and which bytes may stand there (sqlite.org/fileformat.html, section 1.3)."""

_FIXED_NUMBERS = {52: 0, 56: 1, 64: 0, **dict.fromkeys(range(72, 92, 4), 0)}
"""Likewise big-endian numbers: no automatic vacuum, UTF-8, and what is reserved."""


def read_copy(path: Path, copy: JournalCopy) -> Held:
    """Return what the copy of a journal holds.

    Raises
    ------
    DamagedJournalError
        If it holds rows of a journal that is gone.
    """
    held = copy.read()
    if held.rows and not path.exists():
        raise damaged(path, f"it is gone, but a copy of {len(held.rows):,} of its rows is there")
    return held


def check_header(path: Path) -> None:
    """Check the first bytes of a journal, which SQLite would believe.

    Raises
    ------
    DamagedJournalError
        If a byte says what no journal says.
    """
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError:  # not there yet; else opening it says so
        return
    if len(header) < 100 or struct.unpack_from(">I", header, 68) != (APPLICATION_ID,):
        return
    if any(header[place] not in allowed for place, allowed in _FIXED_BYTES) or any(
        struct.unpack_from(">I", header, place) != (number,) for place, number in _FIXED_NUMBERS.items()
    ):
        raise damaged(path, "its first bytes are damaged")


def check_journal(connection: sqlite3.Connection, path: Path, held: Held) -> tuple[Held, list[Row]]:
    """Check every row of a journal, and give checksums to those that an older version wrote.

    Parameters
    ----------
    connection, path
        The journal's.
    held
        What its copy holds, and its log, read before the journal was opened.

    Returns
    -------
    Held
        What the journal holds.
    list
        Its rows, in order.

    Raises
    ------
    DamagedJournalError
        If a row is damaged or missing, or the copy has rows that the journal lacks.
    StorageError
        If the disk refuses.
    """
    try:
        with database_errors(path), transaction(connection):
            _check_structure(connection)
            rows = _rows(connection, 0)
            texts: dict[Key, str] = {("row", row[0]): text for row, text in rows}
            _check_against(held, texts)
            beside = read_beside(connection)
            _check_numbers(connection, [row[0] for row, _ in rows])
            _seal(connection, texts)
    except (DamagedRow, ValueError, TypeError, OverflowError) as error:
        raise damaged(path, str(error)) from error
    return Held(texts | beside), [row for row, _ in rows]


def rows_after(connection: sqlite3.Connection, since: int) -> list[Row]:
    """Return the rows after number ``since``, in order.

    Raises
    ------
    DamagedRow
        If one does not fit its checksum.
    """
    return [row for row, _ in _rows(connection, since)]


def lost_rows(meta: dict[str, str]) -> set[int]:
    """Return the numbers of the rows that repairs could not save."""
    lost: set[int] = set()
    for span in filter(None, meta.get(LOST_ROWS, "").split(",")):
        first, _, last = span.partition("-")
        lost.update(range(int(first), int(last or first) + 1))
    return lost


def spans(numbers: set[int]) -> str:
    """Return numbers as ``17-19,25``; :func:`lost_rows` reads them."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in found)


def _rows(connection: sqlite3.Connection, since: int) -> list[tuple[Row, str]]:
    found = []
    for *values, checksum in connection.execute(_ROWS, (since,)):
        row = tuple(values)
        text = _text(row)
        if checksum is None and not is_plausible(row):
            raise DamagedRow(f"row {row[0]} is damaged")
        if checksum is not None and checksum != checksum_of(text):
            raise DamagedRow(f"row {row[0]} does not fit its checksum")
        found.append((row, text))
    return found


def _text(row: Row) -> str:
    try:
        return text_of(row)
    except TypeError as error:
        raise DamagedRow(f"row {row[0]} is damaged") from error


def _check_against(held: Held, texts: dict[Key, str]) -> None:
    copied = held.rows
    missing = [number for number in copied if ("row", number) not in texts]
    if missing:
        raise DamagedRow(
            f"{len(missing):,} of the {len(copied):,} rows that its copy or its log holds are missing in it, "
            "as where a disk lost what was written last, or where an older file was put back"
        )
    other = [number for number, text in copied.items() if texts["row", number] != text]
    if other:
        raise DamagedRow(f"row {other[0]} is not what its copy says")


def _check_numbers(connection: sqlite3.Connection, numbers: list[int]) -> None:
    """Check that no row is missing: they are numbered without a gap, and SQLite keeps the last number."""
    lost = lost_rows(read_meta(connection))
    missing = set(range(1, max(numbers, default=0) + 1)).difference(numbers, lost)
    if missing:
        raise DamagedRow(f"rows are missing in it ({spans(missing)})")
    counted = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'journal'").fetchone()
    if counted is None and not numbers:
        return
    if counted is None or counted[0] != max(numbers, default=0):
        raise DamagedRow("it does not have as many rows as it should")


def _check_structure(connection: sqlite3.Connection) -> None:
    if _structure(connection) != _expected():
        raise DamagedRow("its tables and triggers are not those of a journal")
    (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise DamagedRow(f"SQLite finds it damaged ({found})")


@functools.cache
def _expected() -> frozenset[object]:
    connection = sqlite3.connect(":memory:")
    try:
        for statement in SCHEMA:
            connection.execute(statement)
        return _structure(connection)
    finally:
        connection.close()


def _structure(connection: sqlite3.Connection) -> frozenset[object]:
    """Return tables with their columns in any order, triggers with their text, and indexes."""
    found: set[object] = set()
    for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall():
        columns: frozenset[object] = frozenset()
        if kind == "table":
            quoted = name.replace('"', '""')
            information = connection.execute(f'PRAGMA table_xinfo("{quoted}")')
            columns = frozenset(tuple(described[1:]) for described in information)
        found.add((kind, name, columns if kind == "table" else " ".join((sql or "").split())))
    return frozenset(found)


def _seal(connection: sqlite3.Connection, texts: dict[Key, str]) -> None:
    """Write checksums to rows without one, which the triggers of this file keep anybody else from."""
    unsealed = [
        number
        for (number,) in connection.execute("SELECT seq FROM journal WHERE checksum IS NULL").fetchall()
    ]
    if unsealed:
        for name in ("journal_rows_never_change", "journal_rows_stay"):
            connection.execute(f"DROP TRIGGER {name}")
        connection.executemany(
            "UPDATE journal SET checksum = ? WHERE seq = ?",
            [(checksum_of(texts["row", number]), number) for number in unsealed],
        )
        for statement in TRIGGERS:
            connection.execute(statement)
    for table, put in (("extras", put_extras), ("meta", put_meta)):
        key = "image_id" if table == "extras" else "key"
        value = "columns" if table == "extras" else "value"
        rows = connection.execute(f"SELECT {key}, {value} FROM {table} WHERE checksum IS NULL").fetchall()
        put(connection, rows)
