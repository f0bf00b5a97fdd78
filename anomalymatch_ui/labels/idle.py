"""Work for when nobody has written for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class WhenIdle:
    """Does something once after each busy time, on a thread that lives only until then.

    Parameters
    ----------
    work
        Done when idle; returns whether it is done, else it is tried again.
    seconds
        Without a call of :meth:`touch`.
    """

    def __init__(self, work: Callable[[], bool], seconds: float) -> None:
        self._work = work
        self._seconds = seconds
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._due = 0.0
        self._closed = False

    def touch(self) -> None:
        """Say that something was written."""
        with self._lock:
            self._due = time.monotonic() + self._seconds
            if self._timer is None and not self._closed:
                self._wait(self._seconds)

    def close(self) -> None:
        """Do nothing any more."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()

    def _wait(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._look)
        self._timer.daemon = True
        self._timer.start()

    def _look(self) -> None:
        with self._lock:
            if self._closed:
                return
            left = self._due - time.monotonic()
            if left > 0:
                self._wait(left)
                return
            self._timer = None
        if not self._work():
            self.touch()
