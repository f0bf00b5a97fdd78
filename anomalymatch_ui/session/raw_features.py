"""Where the features of a pool lie while they are computed: an interrupted look goes on where it was."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from anomalymatch_ui.errors import StoreBusyError
from anomalymatch_ui.files import storage_errors
from anomalymatch_ui.score import one_writer
from anomalymatch_ui.session.sight import Look

PATIENCE = 5.0
"""Seconds to wait for a page that was reloaded: its former kernel ends its job within one or two."""


@contextmanager
def raw_files(path: Path, looks: tuple[Look, ...]) -> Iterator[dict[Look, Path]]:
    """Give a file for the features of each look, and remove them when the embedding is made.

    If that fails, or the process ends, they stay, and the next one goes on with them. Beside another
    process that writes them, this one has files of its own.

    Parameters
    ----------
    path
        Of the embedding.
    looks
        What the backbones compute.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    shared = path.with_name(f".features-{path.stem}")
    with ExitStack() as stack:
        if _alone(shared, stack):
            yield _files(shared, looks)
            shutil.rmtree(shared, ignore_errors=True)
            return
        with storage_errors(path):
            own = Path(tempfile.mkdtemp(prefix=".raw-", dir=path.parent))
        stack.callback(shutil.rmtree, own, ignore_errors=True)
        yield _files(own, looks)


def _files(folder: Path, looks: tuple[Look, ...]) -> dict[Look, Path]:
    return {look: folder / f"{look.name}.npy" for look in looks}


def _alone(folder: Path, stack: ExitStack) -> bool:
    """Take the folder for this process as long as ``stack`` lasts, if nobody else keeps it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(StoreBusyError):
            stack.enter_context(one_writer(folder / "writing.lock"))
            return True
        time.sleep(0.1)
    return False
