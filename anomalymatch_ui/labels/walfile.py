"""A journal's file as it would be once its log is written into it, computed without writing anything.

SQLite reads a file with a log only where it may make an index beside them. What it does is little: the
pages of the log that a commit follows take the places of those in the file (sqlite.org/fileformat2.html,
section 4).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_MAGIC = 0x377F0682
"""Begins a log whose checksums are of little-endian numbers; with its last bit set, of big-endian ones."""

_HEADER, _FRAME = 32, 24
"""Bytes before the first frame, and of a frame before its page."""

_SPARE = 2**20
"""Bytes by which a file may be larger than twice what there is of it: pages freed as soon as made."""

_ROLLBACK = b"\1\1"
"""At place 18 of the file: it is written and read without a log."""


def with_log(content: bytes, log: bytes) -> bytes:
    """Return the bytes of a file of SQLite with all that its log has committed, to be read without a log.

    As SQLite does, it believes a log up to the first frame that does not fit its checksum.

    Parameters
    ----------
    content
        Content of the file; empty where nothing has been written into it yet.
    log
        Content of its write-ahead log; empty if there is none.
    """
    size, pages = _committed(log, 2 * (len(content) + len(log)) + _SPARE)
    file = bytearray(content)
    if pages:
        width = len(next(iter(pages.values())))
        file = file[: size * width].ljust(size * width, b"\0")
        for number, page in pages.items():
            if number <= size:
                file[(number - 1) * width : number * width] = page
    if file:
        file[18:20] = _ROLLBACK
    return bytes(file)


def _committed(log: bytes, most: int) -> tuple[int, dict[int, bytes]]:
    """Return how many pages the file has, and those that the log has of it, as of the last commit.

    One that says that the file has more than ``most`` bytes is not believed, nor what follows it.
    """
    size, pages, later = 0, dict[int, bytes](), dict[int, bytes]()
    for number, pages_then, page in _frames(log):
        later[number] = page
        if pages_then * len(page) > most:
            break
        if pages_then:
            size = pages_then
            pages |= later
            later.clear()
    return size, pages


def _frames(log: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield number, size of the file in pages where it is a commit, and bytes of each page that is whole."""
    if len(log) < _HEADER:
        return
    magic, _, width, _ = struct.unpack_from(">4I", log)
    if magic & ~1 != _MAGIC or width not in (2**power for power in range(9, 17)):
        return
    order = ">" if magic & 1 else "<"
    sums = _checksum(log[:24], order, (0, 0))
    if sums != struct.unpack_from(">2I", log, 24):
        return
    for place in range(_HEADER, len(log) - _FRAME - width + 1, _FRAME + width):
        header, page = log[place : place + _FRAME], log[place + _FRAME : place + _FRAME + width]
        sums = _checksum(page, order, _checksum(header[:8], order, sums))
        if header[8:16] != log[16:24] or sums != struct.unpack_from(">2I", header, 16):
            return
        number, pages = struct.unpack_from(">2I", header)
        yield number, pages, page


def _checksum(content: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    first, second = sums
    numbers = struct.unpack(f"{order}{len(content) // 4}I", content)
    for even, odd in zip(numbers[::2], numbers[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
