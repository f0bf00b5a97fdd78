"""What can go wrong and is worth telling a person.

Every message is a sentence that says what is wrong, where, and what to do about it. The command
line prints it and exits with 2; the dashboard shows it and goes on.
"""

from __future__ import annotations

from pathlib import Path


class AnomalyMatchError(Exception):
    """Base class of all errors whose message is meant for the user."""


class InputError(AnomalyMatchError):
    """Something the user gave (a path, a table, a setting) cannot be used."""


class StorageError(AnomalyMatchError):
    """The disk refused to keep something: full, read-only, or gone."""


class ReadOnlyError(AnomalyMatchError):
    """A session that can only be viewed was asked to keep something."""


class DamagedStoreError(InputError):
    """Something that can be computed again cannot be read."""


class DamagedModelError(DamagedStoreError):
    """A network that was trained cannot be read.

    Attributes
    ----------
    path
        Its file.
    """

    def __init__(self, sentence: str, path: Path) -> None:
        super().__init__(sentence)
        self.path = path


class DamagedJournalError(InputError):
    """A journal of labels has damaged or missing rows, which :func:`repair_journal` may bring back."""


class SessionBusyError(AnomalyMatchError):
    """Another process holds the writer lock of this session."""


class StoreBusyError(AnomalyMatchError):
    """Another process is writing this archive of scores."""
