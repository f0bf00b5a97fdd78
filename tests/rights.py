"""Folders that the tests truly cannot write to, also where they run as root."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

_VERSION_3 = 0x20080522  # of the structures that capget(2) and capset(2) take
_OVERRIDES = 0b111  # CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: root's way past the modes of files


@contextlib.contextmanager
def only_readable(folder: Path) -> Iterator[None]:
    """Take the right to write from a folder and all in it, and from root its way past that, meanwhile."""
    paths = [folder, *folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(modes[path] & ~0o222)
    try:
        with _as_anybody():
            assert not os.access(folder, os.W_OK, effective_ids=True)
            yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


@contextlib.contextmanager
def _as_anybody() -> Iterator[None]:
    """Let this thread, and those that it starts, do without root's way past the modes of files."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; then the upper halves
    _checked(libc.capget(header, sets))
    fewer = (ctypes.c_uint32 * 6)(*sets)
    fewer[0] &= ~_OVERRIDES
    _checked(libc.capset(header, fewer))
    try:
        yield
    finally:
        _checked(libc.capset(header, sets))


def _checked(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
