"""Whether a disk knows locks: those of some clusters (NFS, Lustre) are mounted without, or do not answer."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import threading
from pathlib import Path

from anomalymatch_ui.files import TEMPORARY_SUFFIX

PATIENCE, _TURNS = 2.0, 20
"""Seconds in which a disk has to answer: a server of locks that is not there may be asked for minutes. They
are waited for in so many turns: torch, while it is imported, may keep all threads from running for longer,
and then the disk has answered, but who asked it could not say so yet."""

ABANDONED = 60.0
"""Seconds after which a lock that is a folder counts as left by a process that was killed. One that is held
is as old as its transaction, which takes milliseconds."""

_NONE = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINTR, errno.EIO, errno.EINVAL)
_probes = itertools.count()


def knows_locks(folder: Path) -> bool:
    """Return whether files of a folder can be locked; true where that cannot be tried."""
    if not hasattr(os, "lockf"):  # Windows
        return True
    probe = _probe(folder)
    try:
        descriptor = os.open(probe, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:  # opening the journal says why
        return True
    answers: list[bool] = []

    def ask() -> None:
        answers.append(_lock(descriptor))
        os.close(descriptor)

    thread = threading.Thread(target=ask, name="locks", daemon=True)
    try:
        thread.start()
        for _ in range(_TURNS):
            thread.join(PATIENCE / _TURNS)
    finally:
        probe.unlink(missing_ok=True)
    return bool(answers) and answers[0]


def lock_folder(path: Path) -> Path:
    """Return the folder by which SQLite locks a file where the disk knows no locks."""
    return path.with_name(f"{path.name}.lock")


def remove_abandoned(path: Path) -> None:
    """Remove the folder that locks a file if a process that was killed has left it.

    Its age is told by the clock of its own disk, which may not be this machine's. It is renamed first: of two
    processes that find it, the later one would remove the lock that the earlier one has taken meanwhile.
    """
    lock, probe = lock_folder(path), _probe(path.parent)
    with contextlib.suppress(
        OSError
    ):  # it is not there, as nearly always; or the disk says more when asked next
        made = lock.stat().st_mtime
        probe.touch()
        try:
            now = probe.stat().st_mtime
        finally:
            probe.unlink(missing_ok=True)
        if now - made > ABANDONED:
            lock.rename(probe)
            if probe.stat().st_mtime == made:
                probe.rmdir()
            else:  # another process was quicker, and holds this one
                probe.rename(lock)


def _lock(descriptor: int) -> bool:
    """Return whether a file could be locked; unlike :mod:`fcntl`, this does not try for ever (EINTR)."""
    try:
        os.lockf(descriptor, os.F_TLOCK, 0)
    except OSError as error:
        return error.errno not in _NONE
    return True


def _probe(folder: Path) -> Path:
    return folder / f".locks.{os.getpid()}-{next(_probes)}{TEMPORARY_SUFFIX}"
