"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from anomalymatch_ui.errors import InputError, StorageError

TEMPORARY_SUFFIX = ".tmp"
"""Ends the name, which begins with a dot, under which a file is written before it is renamed."""

_MAKER = re.compile(rf"\.(?:h([0-9a-f]{{6}})-)?(\d+)(?:-\d+)?{re.escape(TEMPORARY_SUFFIX)}$")
"""End of such a name: the host, where it is told, and the number of the process."""

_FORGOTTEN = 86_400.0
"""Seconds after which a file of another host is taken to be left by a process that was killed."""

_CLOCKS = 2.0
"""Seconds by which the times of a process and of a file may be off: the boot is told in whole ones."""

_writes = itertools.count()


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` about ``path`` into a sentence.

    Raises
    ------
    StorageError
        If the body raises ``OSError``, a full disk among them.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(
            f"Cannot write {path}: {reason}. Free some space or check the folder's permissions, "
            "then try again."
        ) from error


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return a path with ``~`` replaced by the home folder, as a shell does; a notebook has none.

    Raises
    ------
    InputError
        If it names a user whose home folder is not known.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InputError(f"There is no home folder for {path}. Write the path in full.") from error


def temporary_beside(path: Path) -> Path:
    """Return the name under which this process makes a file or a folder before it is renamed to ``path``."""
    return path.with_name(f".{path.name}.h{_host()}-{os.getpid()}-{next(_writes)}{TEMPORARY_SUFFIX}")


def is_being_made(temporary: Path) -> bool:
    """Return whether a process that may still live makes what has a temporary name; false if nothing has it.

    Of another host's processes nothing is known, so what they make is taken to be left after a day.
    """
    try:
        changed = temporary.stat().st_mtime
    except OSError:
        return False
    maker = _MAKER.search(temporary.name)
    if maker is None or (maker[1] and maker[1] != _host()):
        return time.time() - changed < _FORGOTTEN
    try:
        process = psutil.Process(int(maker[2]))
        # A process number is given out again: who made it began before it was last changed.
        return process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= changed + _CLOCKS
    except (psutil.NoSuchProcess, OverflowError, ValueError):
        return False
    except psutil.AccessDenied:
        return True


def remove_leftover(temporary: Path) -> None:
    """Remove what has a temporary name, unless a process that may still live makes it."""
    if is_being_made(temporary):
        return
    if temporary.is_dir():
        shutil.rmtree(temporary, ignore_errors=True)
    else:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, write: Callable[[Path], None], root: Path | None = None) -> None:
    """Write a file through a temporary name, sync it, and rename it into place.

    A reader sees the old file or the new one, never a part of it, and a crash or a full disk leaves
    the old one as it was. Threads and processes may write the same file at the same time; one of them
    comes last.

    Parameters
    ----------
    path
        Where the file shall be. Its folder is made when it is missing.
    write
        Called with the temporary path; it writes the whole content there.
    root
        A folder above it that is not made: where it is missing, what is written would be found by nobody.

    Raises
    ------
    StorageError
        If the disk is full, the folder cannot be written, or ``root`` is missing.
    """
    temporary = temporary_beside(path)
    with storage_errors(path):
        if root is not None and not root.is_dir():
            raise FileNotFoundError(errno.ENOENT, "its folder was deleted, moved or renamed", str(root))
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write(temporary)
            with temporary.open("rb") as handle:
                os.fsync(handle.fileno())
            temporary.replace(path)
            _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def _host() -> str:
    """Return what tells this host from others, short enough for the names of files."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:6]


def _sync_folder(folder: Path) -> None:
    """Make a rename outlive a power cut, where the system can open folders."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes_atomically(path: Path, content: bytes, root: Path | None = None) -> None:
    """Write ``content`` to ``path``; see :func:`write_atomically`."""

    def write(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_atomically(path, write, root)
