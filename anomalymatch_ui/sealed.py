"""Files with a checksum at their end, behind what their format reads, that tells what damage is."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from pathlib import Path

UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    RuntimeError,  # NotImplementedError among them
    OverflowError,
    MemoryError,
    AssertionError,
    SyntaxError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What NumPy raises of a damaged ``.npy`` or ``.npz``: a changed bit may claim anything of what follows."""

_MARK = b"\ncrc32 "
_LENGTH = len(_MARK) + 8
_BLOCK = 1 << 24


def seal(checksum: int) -> bytes:
    """Return what ends a file of which this is the CRC-32."""
    return _MARK + f"{checksum:08x}".encode()


def is_damaged(path: Path) -> bool:
    """Return whether a file is not what its seal says; false of one that has none, as of an earlier version.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    size = path.stat().st_size
    if size < _LENGTH:
        return False
    with path.open("rb") as file:
        file.seek(size - _LENGTH)
        end = file.read()
        if not end.startswith(_MARK):
            return False
        file.seek(0)
        checksum, left = 0, size - _LENGTH
        while left > 0 and (block := file.read(min(_BLOCK, left))):
            checksum = zlib.crc32(block, checksum)
            left -= len(block)
    return end != seal(checksum)
