"""The instant clock: a thread that orders the pool anew after labels, once for all that come at once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)


class InstantClock:
    """Calls ``work`` soon after each :meth:`tick`, once for all that come while it is at work.

    Parameters
    ----------
    work
        Called on the clock's own thread, never twice at a time.
    failed
        Told of what ``work`` raised; the clock goes on.
    """

    def __init__(self, work: Callable[[], None], failed: Callable[[Exception], None]) -> None:
        self._work = work
        self._failed = failed
        self._condition = threading.Condition()
        self._wanted = False
        self._busy = False
        self._closed = False
        self._thread: threading.Thread | None = None

    def tick(self) -> None:
        """Ask for the work to be done with what is known from now on; returns at once."""
        with self._condition:
            if self._closed:
                return
            self._wanted = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="instant-clock", daemon=True)
                self._thread.start()
            self._condition.notify_all()

    @property
    def is_wanted(self) -> bool:
        """Whether it was asked for again since the work began that is being done."""
        with self._condition:
            return self._wanted

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until all that was asked for is done; gives whether it is."""
        with self._condition:
            return self._condition.wait_for(lambda: not (self._wanted or self._busy), timeout)

    def close(self) -> None:
        """Finish what is at work, and begin nothing any more."""
        with self._condition:
            self._closed = True
            self._wanted = False
            self._condition.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._wanted or self._closed)
                if self._closed:
                    return
                self._wanted, self._busy = False, True
            try:
                self._work()
            except Exception as error:
                logger.exception("The instant ranking failed")
                self._tell(error)
            finally:
                with self._condition:
                    self._busy = False
                    self._condition.notify_all()

    def _tell(self, error: Exception) -> None:
        try:
            self._failed(error)
        except Exception:
            logger.exception("The failure could not be told")
