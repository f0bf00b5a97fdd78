"""One writer at a time: a lock that the system lets go of when its process ends, however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from anomalymatch_ui.errors import StoreBusyError
from anomalymatch_ui.files import storage_errors

_TAKEN = (errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK, errno.EDEADLK)


@contextlib.contextmanager
def one_writer(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``, whose folder is made when it is missing.

    Where the file system knows no locks (some cluster mounts), it goes on without one: two runs would
    write the same bytes, each file whole.

    Raises
    ------
    StoreBusyError
        If another process holds it.
    StorageError
        If the file cannot be written.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    with file:
        try:
            _lock(file)
        except OSError as error:
            if error.errno in _TAKEN:
                file.seek(0)
                holder = file.read().strip() or "it does not say which"
                raise StoreBusyError(
                    f"Another run is writing {path.parent} ({holder}). "
                    "Wait for its end, or choose another folder."
                ) from error
        with storage_errors(path):
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}")
            file.flush()
        yield


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[str]) -> None:
        # Far behind the text: what is locked cannot be read on Windows.
        file.seek(2**30)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
