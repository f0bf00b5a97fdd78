"""The status of a session, and those who want to be told of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from anomalymatch_ui.session.core.status import Status


class StatusBoard:
    """Holds the newest status and tells of each change, in order."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._subscribers: list[Callable[[Status], None]] = []
        self._figures: Callable[[], Mapping[str, Any]] = dict
        self._status = Status()

    def begin(self, status: Status, figures: Callable[[], Mapping[str, Any]]) -> None:
        """Set the first status.

        Parameters
        ----------
        status
            What is known when the session is opened.
        figures
            Returns the values of fields that are taken afresh for every status.
        """
        with self._lock:
            self._figures = figures
            self._status = replace(status, **figures())

    @property
    def status(self) -> Status:
        """The newest status."""
        with self._lock:
            return self._status

    def publish(self, **changes: Any) -> None:
        """Change the status and tell those who want to know."""
        with self._lock:
            self._status = status = replace(self._status, **self._figures(), **changes)
            # Under the lock, so that nobody is told of an older status after a newer one.
            for callback in tuple(self._subscribers):
                callback(status)

    def subscribe(self, callback: Callable[[Status], None]) -> Callable[[], None]:
        """Tell of every change from now on, in order, on whichever thread made it.

        Parameters
        ----------
        callback
            Called with each new status. It must not wait for another thread.

        Returns
        -------
        Callable
            Ends the subscription.
        """
        with self._lock:
            self._subscribers.append(callback)

        def unsubscribe() -> None:
            with self._lock:
                if callback in self._subscribers:
                    self._subscribers.remove(callback)

        return unsubscribe
