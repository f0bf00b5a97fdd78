"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from anomalymatch_ui.errors import InputError, StorageError

TEMPORARY_SUFFIX = ".tmp"
"""Ends the name, which begins with a dot, under which a file is written before it is renamed."""

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
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{next(_writes)}{TEMPORARY_SUFFIX}")
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
