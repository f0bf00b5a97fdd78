"""What the C library does with memory that torch gives back."""

from __future__ import annotations

import ctypes
import os
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
_MMAP_THRESHOLD = 32 * 2**20
_OF_DASK = "65536"


def keep_freed_memory() -> None:
    """Let freed memory be used again by this process, where Dask has set otherwise.

    Dask starts its workers with ``MALLOC_TRIM_THRESHOLD_=65536``, so that they look small between tasks.
    glibc then gives each layer's output back to the system and is given it anew, page by page, and scoring
    takes twice as long (docs/benchmark.md). The values are those at which glibc's own adjustment ends
    (mallopt(3)). Another value of the variable is somebody's choice, and stands.
    """
    if not sys.platform.startswith("linux") or os.environ.get("MALLOC_TRIM_THRESHOLD_") != _OF_DASK:
        return
    # Other C libraries than glibc have no such function.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD)
        mallopt(_M_TRIM_THRESHOLD, 2 * _MMAP_THRESHOLD)


def give_back_freed_memory() -> None:
    """Return freed memory to the system: that of weights that were loaded and fused, or of an order.

    The C library keeps it as long as small pieces that are still in use lie behind it: 70 to 120 MB when an
    order has been made.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform.startswith("linux") else None
    if trim is not None:  # glibc alone has it
        trim(0)
