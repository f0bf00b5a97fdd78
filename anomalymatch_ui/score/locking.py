"""One writer at a time: a lock that the system lets go of when its process ends, however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from anomalymatch_ui.errors import StoreBusyError
from anomalymatch_ui.files import storage_errors

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


@contextlib.contextmanager
def one_writer(path: Path, patience: float = 0) -> Iterator[None]:
    """Hold the lock file ``path``, whose folder is made when it is missing.

    Where the file system knows no locks (some cluster mounts), it goes on without one: two runs would
    write the same bytes, each file whole.

    Parameters
    ----------
    path
        Path of the lock file.
    patience
        Seconds to wait for another process that holds it.

    Raises
    ------
    StoreBusyError
        If another process holds it still.
    StorageError
        If the file cannot be written.
    """
    # No marker file instead, where there are no locks: it would outlive a process that was killed.
    lock = FileLock(path, timeout=patience, fallback_to_soft=False)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout as error:
            raise StoreBusyError(
                f"Another run is writing {path.parent} ({_holder(path)}). "
                "Wait for its end, or choose another folder."
            ) from error
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
    try:
        # Windows lets nobody write to what is locked; then the holder is not told.
        with storage_errors(path), contextlib.suppress(PermissionError):
            path.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        lock.release()


def _holder(path: Path) -> str:
    """Return who holds the lock, as it has written; Windows lets nobody read it."""
    try:
        return path.read_text(encoding="utf-8").strip() or "it does not say which"
    except OSError:
        return "it does not say which"
