"""A session told where its images lie now."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import Journal
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.writer_lock import WriterLock, user_name
from anomalymatch_ui.session.labelling.shortlist import shortlisted


@dataclass(frozen=True)
class Relinked:
    """What a session was told.

    Attributes
    ----------
    images
        How many images lie there.
    changed
        What has come, gone or changed, as a sentence; empty if nothing has.
    labelled, found
        How many images have a label, and how many of these lie there.
    """

    images: int
    changed: str
    labelled: int
    found: int


def relink_session(path: Path, images: Path) -> Relinked:
    """Let a session go on with its images where they lie now, though some are gone or were saved anew.

    Parameters
    ----------
    path
        Folder of the session.
    images
        The pool.

    Raises
    ------
    InputError
        If this is no session, the pool cannot be opened, or fewer than half of its images, or of those with
        a label, are called as before.
    SessionBusyError
        If another process has the session open.
    StorageError
        If the disk refuses.
    """
    folder = SessionFolder(path)
    if not folder.is_session:
        raise InputError(f"{path} is not a session folder. Start one with `anomalymatch serve IMAGES`.")
    config = Config.load(folder.config) if os.path.exists(folder.config) else Config()
    with contextlib.closing(open_pool(images, config.pixels)) as whole:
        pool = shortlisted(folder, whole)
        changed = folder.check_pool(pool, relink=True)
        with Journal(folder.journal) as journal:
            labelled = list(journal.view())
        found = sum(name in pool for name in labelled)
        if 2 * found < len(labelled):
            raise InputError(
                f"Only {found:,} of the {len(labelled):,} labelled images of {path} lie in {images}. Give "
                "the images that it was made with."
            )
        lock = WriterLock.take(folder.writer_lock, user_name())
        try:
            if folder.is_rendered_otherwise(pool):  # as Session.open has it: no network has seen them so
                folder.use_cycle(0)
                folder.interrupted.unlink(missing_ok=True)
            folder.keep_pool(pool)
        finally:
            lock.release()
        return Relinked(len(pool), changed, len(labelled), found)
