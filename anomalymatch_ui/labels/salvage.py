"""Rows of a journal found in the bytes of a file that SQLite cannot read, or reads only in part.

A row lies in one piece in its page, in the file or in a frame of the log, as *payload length, number, length
of the header, types, values* (sqlite.org/fileformat2.html, sections 1.6 and 2.1). It is found by its types,
wherever it is, and believed for its checksum: nothing else of the file has to be whole.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Iterator

from anomalymatch_ui.labels.copies import Key
from anomalymatch_ui.labels.rows import COLUMNS, Row, checksum_of, is_plausible, text_of

_TIME_LENGTH = len("2026-11-30T12:00:00.000+00:00")

_TYPES = re.compile(rb"(?=[\x09-\x20]\x00" + bytes([13 + 2 * _TIME_LENGTH]) + rb")")
"""Length of the header, then a number that stands outside of the values, then a text as long as a time."""

_COUNT = re.compile(rb"\x03\x1b([\x01-\x04])journal(.{4})", re.DOTALL)
"""Length and types of a record of a text of seven letters and an integer, and its values."""

_USUAL_PAGE_SIZE = 4096
"""Bytes, of every file that SQLite has made since 2016 and was not told otherwise."""

_LONGEST_NUMBER = 9
"""Bytes of a number of variable length at most."""

_CHECKSUM = COLUMNS.index("height")
"""Where the checksum stands among the values after the number: columns that came later are behind it."""

_WIDTHS = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8, 8: 0, 9: 0}
"""Bytes of a value that is NULL, an integer, a real number, 0 or 1, by its type."""


def salvaged_rows(content: bytes) -> Iterator[tuple[Row, bool]]:
    """Return the rows that lie anywhere in some bytes, in the order of the bytes.

    A row may come several times, for an older state of a page is as good a witness as the newest.

    Parameters
    ----------
    content
        Content of a journal's file or of its log.

    Returns
    -------
    Iterator
        Rows, and whether a checksum proves each. One without was written by a version that had none.
    """
    for found in _TYPES.finditer(content):
        values = _values(content, found.start())
        if values is None:
            continue
        size, (_, *others) = values
        others = (others + [None] * len(COLUMNS))[: len(COLUMNS)]
        checksum = others.pop(_CHECKSUM)
        for seq, has_size in _numbers_before(content, found.start(), size):
            row = _row(seq, others)
            if not is_plausible(row):
                continue
            if checksum is not None and checksum == checksum_of(text_of(row)):
                yield row, True
            elif checksum is None and has_size:
                yield row, False


def _row(seq: int, others: list[object]) -> Row:
    """Return the values of a row; SQLite keeps a real number without decimals as an integer."""
    return (
        seq,
        *(
            float(value) if name in ("probability", "height") and isinstance(value, int) else value
            for name, value in zip(COLUMNS[1:], others, strict=True)
        ),
    )


def counted_rows(content: bytes) -> int:
    """Return how many rows SQLite has counted in its table ``sqlite_sequence``; 0 if that is not found."""
    return max(
        (int.from_bytes(found[2][: found[1][0]], "big") for found in _COUNT.finditer(content)), default=0
    )


def rows_in_log(log: bytes) -> dict[Key, str]:
    """Return the newest committed rows in the log of a journal, as JSON."""
    rows = (
        row for page in log_pages(log, newest=True) for row, is_proved in salvaged_rows(page) if is_proved
    )
    return {("row", row[0]): text_of(row) for row in rows}


def log_pages(log: bytes, *, newest: bool = False) -> Iterator[bytes]:
    """Return the pages that a write-ahead log holds and that were committed (section 4 of the file format).

    A log is believed by SQLite up to its first damaged byte. Here each page is told, if a commit comes after.

    Parameters
    ----------
    log
        Its bytes.
    newest
        Whether to return only the last state of each page, which has the rows of those before.
    """
    size = _page_size(log)
    frames = [log[place : place + 24 + size] for place in range(32, len(log) - 23 - size, 24 + size)]
    # A log that begins anew leaves the rest of the former one behind, which has other salts.
    salts = Counter([log[16:24], *(frame[8:16] for frame in frames[:2])]).most_common(1)[0][0]
    pages: list[tuple[bytes, bytes]] = []
    committed = 0
    for frame in frames:
        if frame[8:16] == salts:
            pages.append((frame[:4], frame[24:]))
            committed = len(pages) if any(frame[4:8]) else committed
    del pages[committed:]
    yield from dict(pages).values() if newest else (page for _, page in pages)


def _page_size(log: bytes) -> int:
    size = int.from_bytes(log[8:12], "big")
    fits = size in (2**power for power in range(9, 17)) and (len(log) - 32) % (24 + size) == 0
    return size if fits else _USUAL_PAGE_SIZE


def _values(content: bytes, start: int) -> tuple[int, list[object]] | None:
    """Return size and values of the record whose header begins here; ``None`` if it is none."""
    end_of_types = start + content[start]
    place, types = start + 1, []
    while place < end_of_types:
        kind, place = _number(content, place)
        types.append(kind)
    values: list[object] = []
    for kind in types:
        width = _WIDTHS.get(kind, (kind - 12) // 2)
        part = content[place : place + width]
        if kind in (10, 11) or len(part) < width:
            return None
        values.append(_value(kind, part))
        place += width
    return place - start, values


def _value(kind: int, part: bytes) -> object:
    if kind == 0:
        return None
    if kind == 7:
        return struct.unpack(">d", part)[0]
    if kind in (8, 9):
        return kind - 8
    if kind <= 6:
        return int.from_bytes(part, "big", signed=True)
    return part.decode("utf-8", "surrogateescape") if kind % 2 else part


def _numbers_before(content: bytes, start: int, size: int) -> Iterator[tuple[int, bool]]:
    """Return what the number before a header can be, and whether the size of the row stands before that."""
    for length in range(1, _LONGEST_NUMBER + 1):
        begin = start - length
        if begin < 1 or _number(content, begin)[1] != start:
            continue
        places = (begin - size_length for size_length in (1, 2, 3))
        has_size = any(place >= 0 and _number(content, place) == (size, begin) for place in places)
        yield _number(content, begin)[0], has_size


def _number(content: bytes, place: int) -> tuple[int, int]:
    """Return a number of variable length (at most 8 bytes of 7 bits, one of 8), and where it ends."""
    value = 0
    for length in range(_LONGEST_NUMBER):
        if place + length >= len(content):
            return value, place + length
        byte = content[place + length]
        if length == _LONGEST_NUMBER - 1:
            return (value << 8) | byte, place + length + 1
        value = (value << 7) | (byte & 0x7F)
        if not byte & 0x80:
            return value, place + length + 1
    return value, place + _LONGEST_NUMBER
