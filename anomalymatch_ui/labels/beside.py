"""What a journal keeps beside the labels: the other columns of imported tables, and small facts."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from anomalymatch_ui import jsontext
from anomalymatch_ui.labels.copies import Key, Kind
from anomalymatch_ui.labels.database import encode
from anomalymatch_ui.labels.rows import checksum_of, text_of

_EXTRAS = "SELECT image_id, columns, checksum FROM extras ORDER BY rowid"
_META = "SELECT key, value, checksum FROM meta"


class DamagedRow(Exception):
    """A row does not fit its checksum; the message says which."""


def read_extras(connection: sqlite3.Connection) -> dict[str, dict[str, str]]:
    """Return the other columns of imported tables, by image id and column name.

    Raises
    ------
    DamagedRow
        If a row is damaged.
    """
    return {image_id: jsontext.parsed(columns) for image_id, columns in _proved(connection, "extras")}


def read_meta(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the small facts. Raises as :func:`read_extras`."""
    return dict(_proved(connection, "meta"))


def read_beside(connection: sqlite3.Connection) -> dict[Key, str]:
    """Return both as lines of JSON, as a copy holds them. Raises as :func:`read_extras`."""
    texts: dict[Key, str] = {}
    for row in _proved(connection, "extras"):
        texts["extras", row[0]] = text_of(row)
    for row in _proved(connection, "meta"):
        texts["meta", row[0]] = text_of(row)
    return texts


def read_fact(path: Path, key: str) -> str | None:
    """Return a small fact of a journal that is not open here; ``None`` if there is none, or no such journal.

    Nothing is locked or written, so that what is in SQLite's log is not seen.
    """
    try:
        address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"  # else SQLite makes a missing file
        with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
            found = connection.execute(f"{_META} WHERE key = ?", (key,)).fetchone()
    except (sqlite3.Error, UnicodeError):
        return None
    return found[1] if found is not None and isinstance(found[1], str) else None


def write_extras(connection: sqlite3.Connection, extras: Mapping[str, Mapping[str, str]]) -> dict[Key, str]:
    """Keep columns of images beside those kept before; gives what was written."""
    if not extras:
        return {}
    kept = dict(_proved(connection, "extras"))
    rows = [
        (image_id, json.dumps({**jsontext.parsed(kept.get(image_id, "{}")), **columns}))
        for image_id, columns in extras.items()
    ]
    put_extras(connection, rows)
    return {("extras", image_id): text_of((image_id, columns)) for image_id, columns in rows}


def write_meta(connection: sqlite3.Connection, meta: Mapping[str, str]) -> dict[Key, str]:
    """Keep facts, a new value instead of a former one; gives what was written."""
    put_meta(connection, list(meta.items()))
    return {("meta", key): text_of((key, value)) for key, value in meta.items()}


def put_extras(connection: sqlite3.Connection, rows: list[tuple[str, str]]) -> None:
    """Write image ids and their columns as JSON."""
    connection.executemany(
        "INSERT INTO extras (image_id, columns, checksum) VALUES (CAST(? AS TEXT), ?, ?) "
        "ON CONFLICT (image_id) DO UPDATE SET columns = excluded.columns, checksum = excluded.checksum",
        [(encode(name), columns, checksum_of(text_of((name, columns)))) for name, columns in rows],
    )


def put_meta(connection: sqlite3.Connection, rows: list[tuple[str, str]]) -> None:
    """Write keys and values."""
    connection.executemany(
        "INSERT INTO meta (key, value, checksum) VALUES (?, ?, ?) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value, checksum = excluded.checksum",
        [(key, value, checksum_of(text_of((key, value)))) for key, value in rows],
    )


@dataclass(frozen=True)
class Sound:
    """What of extras and facts can be read and proved in a damaged file.

    Attributes
    ----------
    texts
        Lines of JSON.
    damaged
        What does not fit its checksum.
    unread
        The tables that SQLite cannot read to their ends, so that nobody knows what else was there.
    """

    texts: dict[Key, str]
    damaged: tuple[Key, ...]
    unread: tuple[Kind, ...]


def sound_pairs(connection: sqlite3.Connection) -> Sound:
    """Return what of both can be read and proved in a damaged file, and what cannot."""
    texts: dict[Key, str] = {}
    damaged: list[Key] = []
    unread: list[Kind] = []
    tables: tuple[tuple[Kind, str], ...] = (("extras", _EXTRAS), ("meta", _META))
    for kind, statement in tables:
        try:
            for key, value, checksum in connection.execute(statement):
                text = text_of((key, value)) if isinstance(key, str) and isinstance(value, str) else None
                if text is not None and checksum in (None, checksum_of(text)):
                    texts[kind, key] = text
                else:
                    damaged.append((kind, str(key)))
        except (sqlite3.Error, UnicodeError):  # ends the table; the copy may have the rest
            unread.append(kind)
    return Sound(texts, tuple(damaged), tuple(unread))


def _proved(connection: sqlite3.Connection, table: str) -> Iterator[tuple[str, str]]:
    """Return key and value of each row, as far as a checksum proves them or an older version wrote none."""
    for key, value, checksum in connection.execute(_EXTRAS if table == "extras" else _META):
        if not isinstance(key, str) or not isinstance(value, str):
            raise DamagedRow(f"a row of the table {table!r} is not text")
        if checksum is not None and checksum != checksum_of(text_of((key, value))):
            raise DamagedRow(f"the row {key!r} of the table {table!r} does not fit its checksum")
        yield key, value
