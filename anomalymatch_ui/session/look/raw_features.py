"""Where the features of a pool lie while they are computed: an interrupted look goes on where it was."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from anomalymatch_ui.errors import StoreBusyError
from anomalymatch_ui.files import storage_errors, temporary_beside
from anomalymatch_ui.score import one_writer

PATIENCE = 5.0
"""Seconds to wait for a page that was reloaded: its former kernel ends its job within one or two."""


@contextmanager
def raw_features(path: Path) -> Iterator[Path]:
    """Return a folder for the features of an embedding, and remove it when that is made.

    If that fails, or the process ends, it stays, and the next one goes on with it. Beside another process
    that writes there, this one has a folder of its own.

    Parameters
    ----------
    path
        Path of the embedding.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    shared = shared_features(path)
    with ExitStack() as stack:
        if _alone(shared, stack):
            yield shared
            shutil.rmtree(shared, ignore_errors=True)
            return
        with storage_errors(path):
            own = temporary_beside(path.with_name("raw"))
            own.mkdir(0o700)
        stack.callback(shutil.rmtree, own, ignore_errors=True)
        yield own


def shared_features(path: Path) -> Path:
    """Return the folder where the features of an embedding wait to be gone on with."""
    return path.with_name(f".features-{path.stem}")


def _alone(folder: Path, stack: ExitStack) -> bool:
    """Take the folder for this process as long as ``stack`` lasts, if nobody else keeps it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(StoreBusyError):
            stack.enter_context(one_writer(folder / "writing.lock"))
            return True
        time.sleep(0.1)
    return False
