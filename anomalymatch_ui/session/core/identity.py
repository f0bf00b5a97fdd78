"""What a session is known by, wherever its folder lies and whatever it is called."""

from __future__ import annotations

import uuid
from pathlib import Path

from anomalymatch_ui.errors import ReadOnlyError
from anomalymatch_ui.labels import Journal

IDENTITY = "identity"
"""Fact kept with the labels: it moves with them, and is repaired with them."""


def identity_of(journal: Journal, path: Path) -> str:
    """Return what a session is known by; given to it when it is first opened.

    Parameters
    ----------
    journal
        The labels of the session.
    path
        Its folder, by which it is known where nothing can be written.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    known = journal.meta().get(IDENTITY)
    if known is None:
        try:
            journal.keep_meta({IDENTITY: uuid.uuid4().hex})
        except ReadOnlyError:
            return str(path.absolute())
        known = journal.meta()[IDENTITY]  # of who came last, where two open it at once
    return known
