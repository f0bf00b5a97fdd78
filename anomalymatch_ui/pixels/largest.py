"""How large an image may be, which is asked before it is decoded."""

from __future__ import annotations

import bz2
import gzip
import io
import math
import zlib
from collections.abc import Sequence

from anomalymatch_ui.pixels.spec import PixelError

LARGEST = 50_000_000
"""Pixels of an image, unless the setting ``pixels.cutout_limit`` says otherwise."""

_PLANES = 4
"""Planes of the full size that an image may have; of more, each has to be smaller."""

_BYTES = 16
"""Bytes of a file for each of the pixels that it may have: a float64, and as much for what lies beside it."""


def check_size(height: int, width: int, planes: int = 1, largest: int = LARGEST) -> None:
    """Refuse an image of too many pixels.

    Parameters
    ----------
    height, width, planes
        Height, width, and planes of the image, as its header says.
    largest
        How many pixels it may have, in up to four planes.

    Raises
    ------
    PixelError
        If it has more.
    """
    if height * width * max(planes, _PLANES) > largest * _PLANES:
        many = f" in {planes:,} planes" if planes > _PLANES else ""
        raise PixelError(
            f"too large to be a cutout: {width:,} x {height:,} pixels{many}, where {largest / 1e6:g} million "
            "are the limit (--cutout-limit)"
        )


def check_shape(shape: Sequence[int], largest: int = LARGEST) -> None:
    """Refuse an image, whose longest axes are its height and width; raises as :func:`check_size`."""
    *planes, height, width = sorted(shape)
    check_size(height, width, math.prod(planes), largest)


def check_bytes(count: int, largest: int = LARGEST) -> None:
    """Refuse a file of which only a small part can be pixels of a cutout; raises as :func:`check_size`."""
    if count > largest * _BYTES:
        raise PixelError(
            f"too large to be a cutout: {count / 1e6:,.0f} MB, where {largest * _BYTES / 1e6:,.0f} are the "
            "limit (--cutout-limit)"
        )


def unpacked(content: bytes, largest: int = LARGEST) -> bytes:
    """Return what gzip or bzip2 packed, no more of it than :func:`check_bytes` allows.

    Raises
    ------
    PixelError
        If it is cut off, damaged or too large.
    """
    packed = io.BytesIO(content)
    try:
        with gzip.open(packed) if content.startswith(b"\x1f\x8b") else bz2.open(packed) as file:
            whole = bytes(file.read(largest * _BYTES + 1))
    except EOFError as error:
        raise PixelError("truncated") from error
    except (OSError, ValueError, zlib.error) as error:
        raise PixelError("its compression is damaged") from error
    check_bytes(len(whole), largest)
    return whole
