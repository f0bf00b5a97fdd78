"""What other processes do to an open session, noticed within a second."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from anomalymatch_ui.errors import AnomalyMatchError, StorageError
from anomalymatch_ui.session.core.context import Context
from anomalymatch_ui.session.core.folder import modified_ns
from anomalymatch_ui.session.core.status import Counts
from anomalymatch_ui.session.labelling.marking import aim_of
from anomalymatch_ui.session.work.rankings import Rankings

logger = logging.getLogger(__name__)

INTERVAL = 0.5
"""Seconds between two looks; one costs 0.05 ms: a pragma, a few rows, a small file, a time stamp."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What shows of other processes.

    Attributes
    ----------
    row
        Number of the newest row of the journal that is not this session's.
    writer
        Who else holds the lock, in words; ``None`` if nobody does.
    ranking, settings
        Time stamps of the ranking and the settings on disk, in nanoseconds; 0 if there are none.
    kept, pinned
        Numbers of the cycles whose networks are on disk, and of those that a person has pinned.
    aim
        What is sought, as it was written last.
    """

    row: int
    writer: str | None
    ranking: int
    settings: int
    kept: tuple[int, ...]
    pinned: tuple[int, ...]
    aim: str


class Watcher:
    """Looks at a session's folder twice a second, on a thread of its own, until it is closed.

    Rows of others are counted and the order follows them, as it does a label given here. The rankings that
    another process keeps on disk are taken, unless the lock is held here.

    Parameters
    ----------
    context, rankings
        What the parts of the session share, and its rankings.
    count
        Counts the current labels.
    follow
        Told that somebody else has labelled.
    reread
        Told that the settings on disk have changed.
    publish
        Given changes of the session's status: ``counts``, ``cycle``, ``cycle_in_use``, ``written_elsewhere``,
        ``aim``, ``error``.

    Attributes
    ----------
    seen
        What showed at the last look.
    """

    def __init__(
        self,
        context: Context,
        rankings: Rankings,
        count: Callable[[], Counts],
        follow: Callable[[], None],
        reread: Callable[[], None],
        publish: Callable[..., None],
    ) -> None:
        self._journal = context.journal
        self._writer_lock = context.writer_lock
        self._folder = context.folder
        self._rankings = rankings
        self._count = count
        self._follow = follow
        self._reread = reread
        self._publish = publish
        self._failure: str | None = None
        self.seen = self._look()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        """Start looking."""
        self._thread.start()

    def close(self) -> None:
        """Look no more. Closing twice does no harm."""
        self._closed.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(INTERVAL):
            failure = self._out_of_place() or self._look_for_news()
            if failure != self._failure:
                self._failure = failure
                self._publish(error=failure)

    def _out_of_place(self) -> str | None:
        """Return what is wrong with the folder, such as that it is gone; ``None`` if nothing is."""
        try:
            self._journal.check_place()
        except StorageError as error:
            return str(error)
        return None

    def _look_for_news(self) -> str | None:
        """Take up what others did; return why that could not be seen."""
        try:
            self._compare()
        except AnomalyMatchError as error:
            return f"What others do cannot be followed: {error}"
        except Exception as error:
            logger.exception("The watcher failed")
            return f"What others do cannot be followed: {type(error).__name__}: {error}."
        return None

    def _compare(self) -> None:
        now = self._look()
        if now == self.seen:
            return
        before, self.seen = self.seen, now
        # Also where nobody holds the lock by now: who ranks and then closes releases it within milliseconds.
        is_theirs = now.ranking not in (before.ranking, self._rankings.saved_ns)
        if is_theirs and not self._writer_lock.mine:
            self._rankings.adopt()
        # Of its own cycle a job here tells itself, when it no longer trains.
        theirs = {} if self._writer_lock.mine else {"cycle": self._folder.cycle}
        self._publish(
            counts=self._count(),
            **theirs,
            cycle_in_use=self._folder.cycle_in_use,
            written_elsewhere=now.writer,
            kept_cycles=now.kept,
            pinned_cycles=now.pinned,
            aim=now.aim,
        )
        if now.row != before.row:
            self._follow()
        if now.settings != before.settings:
            self._reread()

    def _look(self) -> Outside:
        return Outside(
            self._journal.last_foreign_seq,
            self._writer_lock.elsewhere_in_words,
            modified_ns(self._folder.ranking),
            self._folder.settings_stamp,
            self._folder.kept_cycles,
            self._folder.pinned_cycles,
            aim_of(self._journal),
        )
