"""How many cores there are, and how many threads compute on them."""

from __future__ import annotations

import os
import sys

import psutil


def computing_threads() -> int:
    """Return with how many threads networks are computed on a CPU: as many as torch does, or would.

    Those that a program has set for torch, or ``OMP_NUM_THREADS`` for all; else one for each of the cores
    that this process may use, of which two threads of a processor count as one.
    """
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_num_threads"):  # it may be half imported by another thread
        return int(torch.get_num_threads())
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    return max(1, min(usable_cores(), psutil.cpu_count(logical=False) or usable_cores()))


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
