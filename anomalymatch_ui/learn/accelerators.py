"""Whether torch has to be asked where a network runs: not where there is nothing but a CPU."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from pathlib import Path

from anomalymatch_ui.learn.keeping import torch_is_loaded


def runs_on_cpu(device: str) -> bool:
    """Return whether a network of that setting runs on a CPU; torch is loaded where it has to tell.

    Raises
    ------
    InputError
        If the named device is not on this machine.
    """
    if device == "cpu" or (device == "auto" and not torch_is_loaded() and not _may_have_another()):
        return True
    from anomalymatch_ui.learn.device import resolve_device

    return resolve_device(device).type == "cpu"


@cache
def _may_have_another() -> bool:
    """Return whether there is a driver of another device that torch knows."""
    if sys.platform == "darwin" or Path("/dev/kfd").exists():  # Apple's and AMD's
        return True
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
