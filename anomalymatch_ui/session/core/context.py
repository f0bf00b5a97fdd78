"""What the parts of a session have in common."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from anomalymatch_ui.config import Config
from anomalymatch_ui.labels import Journal
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.writer_lock import WriterLock


class LiveSettings:
    """The settings of a session as they are now.

    A running job, and what scores the pool, keep the settings that they began with.

    Attributes
    ----------
    now
        Replaced as a whole when a setting changes.
    """

    def __init__(self, config: Config) -> None:
        self.now = config


@dataclass(frozen=True)
class Context:
    """A session's folder and images, and who works on them.

    Attributes
    ----------
    folder
        Where the session is kept.
    pool
        The images.
    journal
        What was said of them.
    writer_lock
        The right to train and to keep rankings and settings.
    annotator
        Who labels here.
    settings
        The settings, which change.
    identity
        What the session is known by, wherever its folder lies.
    """

    folder: SessionFolder
    pool: ImagePool
    journal: Journal
    writer_lock: WriterLock
    annotator: str
    settings: LiveSettings
    identity: str

    @property
    def config(self) -> Config:
        """The settings now."""
        return self.settings.now

    @property
    def read_only(self) -> str:
        """Why the session can only be viewed, a sentence; empty if it can be worked on."""
        return self.writer_lock.refusal

    def close(self) -> None:
        """Close the journal, release the lock, and close the pool, whatever one of them raises."""
        with ExitStack() as stack:
            stack.callback(self.pool.close)  # an ExitStack calls the last one first
            stack.callback(self.writer_lock.release)
            stack.callback(self.journal.close)
