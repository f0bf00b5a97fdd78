"""One row of the journal as the file stores it, its checksum, and the entry that it stands for."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from anomalymatch_ui import jsontext
from anomalymatch_ui.labels.entries import JournalEntry, Label, Shown

COLUMNS = (
    "seq",
    "time",
    "image_id",
    "label",
    "annotator",
    "origin",
    "action",
    "reverts",
    "probability",
    "height",
    "mark",
    "value",
)
"""Of the table ``journal``, all but the checksum. New ones are added at the end, and may be NULL: then the
checksums of earlier rows stay what they are."""

ARTEFACT = "artefact"
"""The mark of a row whose label is ``nominal`` and which says more: earlier files know three labels."""

_STORED_LABELS = ("anomaly", "nominal", "unsure")

Row = tuple[Any, ...]
"""The values of one row, in the order of :data:`COLUMNS`."""

LONG_AGO = datetime.fromtimestamp(0, UTC)
"""Stands for a time that cannot be read where no row comes before."""


def row_of(entry: JournalEntry) -> Row:
    """Return the values that are stored of an entry."""
    shown: tuple[float | None, float | None] = (None, None)
    if entry.shown is not None:
        shown = (_real(entry.shown.probability), _real(entry.shown.height))
    time = entry.time.isoformat(timespec="milliseconds")
    is_artefact = entry.label == ARTEFACT
    return (
        entry.seq,
        time,
        entry.image_id,
        "nominal" if is_artefact else entry.label,
        entry.annotator,
        entry.origin,
        entry.action,
        entry.reverts,
        *shown,
        ARTEFACT if is_artefact else entry.mark,
        entry.value,
    )


def entry_of(row: Row, earlier: datetime = LONG_AGO) -> JournalEntry:
    """Return the entry that a row stands for.

    Parameters
    ----------
    row
        Its values.
    earlier
        Time of the row before, taken where its own cannot be read: a label counts, whatever its clock said.
    """
    seq, time, image_id, label, annotator, origin, action, reverts, probability, height, mark, value = row
    shown = None if height is None else Shown(probability, height)
    said: Label | None = label
    if label is not None and mark == ARTEFACT:
        said, mark = "artefact", None
    return JournalEntry(
        seq, _time(time) or earlier, image_id, said, annotator, origin, action, reverts, shown, mark, value
    )


def entries_of(rows: Iterable[Row]) -> list[JournalEntry]:
    """Return the entries that rows stand for, in their order."""
    found: list[JournalEntry] = []
    for row in rows:
        found.append(entry_of(row, found[-1].time) if found else entry_of(row))
    return found


def text_of(row: Row) -> str:
    """Return a row as one line of JSON, in ASCII: what its checksum is of, and what its copy holds.

    Raises
    ------
    TypeError
        If a value is of no type that a row can have.
    """
    values = list(row)
    while values and values[-1] is None:
        values.pop()
    return json.dumps(values, separators=(",", ":"))


def parsed(text: str) -> Row:
    """Return the row of which :func:`text_of` made a line."""
    values = jsontext.parsed(text)
    return (*values, *[None] * (len(COLUMNS) - len(values)))


def pair_of(text: str) -> tuple[str, str]:
    """Return key and value of a line that tells a fact, or the extras of an image."""
    key, value = jsontext.parsed(text)
    return key, value


def checksum_of(text: str) -> int:
    """Return the CRC-32 of a line of ASCII."""
    return zlib.crc32(text.encode("ascii"))


def is_plausible(row: Row) -> bool:
    """Return whether a row without a checksum can be one: an older version wrote it, or it is damaged."""
    seq, time, image_id, label, annotator, origin, action, reverts, probability, height, mark, value = row
    return (
        all(isinstance(number, int) and number > 0 for number in (seq, action))
        and all(isinstance(text, str) and text for text in (time, image_id, annotator, origin))
        and (label is None or label in _STORED_LABELS)
        and (reverts is None or (isinstance(reverts, int) and 0 < reverts < action))
        and all(number is None or isinstance(number, float) for number in (probability, height))
        and all(text is None or isinstance(text, str) for text in (mark, value))
    )


def _real(value: float | None) -> float | None:
    """Return a number as SQLite gives it back, which stores NaN as NULL."""
    return None if value is None or math.isnan(value) else float(value)


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
