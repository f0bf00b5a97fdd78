"""From worker threads to the kernel's own loop.

A training thread may report a hundred times a second; a widget may only be touched on the loop that
serves its messages. The bridge keeps the latest value alone and delivers it there, at 10 Hz at most.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


def kernel_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop of this thread: in a notebook cell the kernel's, in a script ``None``."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class Bridge(Generic[Value]):
    """Delivers the latest value on one loop, at most once in ``interval`` seconds.

    Parameters
    ----------
    deliver
        Called with the latest value, always on the loop's thread.
    loop
        Where to deliver. ``None`` in a script: values wait for :meth:`drain`.
    interval
        Least time between two deliveries, in seconds.
    """

    def __init__(
        self,
        deliver: Callable[[Value], None],
        loop: asyncio.AbstractEventLoop | None,
        interval: float = 0.1,
    ) -> None:
        self._deliver = deliver
        self._loop = loop
        self._interval = interval
        self._lock = threading.Lock()
        self._waiting: list[Value] = []
        self._scheduled = False
        self._last = float("-inf")
        self._closed = False

    def publish(self, value: Value) -> None:
        """Hand over a value; from any thread."""
        with self._lock:
            self._waiting = [value]
            if self._scheduled or self._closed or self._loop is None:
                return
            self._scheduled = True
        try:
            self._loop.call_soon_threadsafe(self._schedule)
        except RuntimeError:
            # The loop has ended with the kernel: nobody is left to look.
            self.close()

    def drain(self) -> None:
        """Deliver what waits, now; on the loop's thread."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            self._scheduled = False
            closed = self._closed
        if waiting and not closed:
            self._last = time.monotonic()
            self._deliver(waiting[0])

    def close(self) -> None:
        """Deliver nothing any more."""
        with self._lock:
            self._closed = True
            self._waiting = []

    def _schedule(self) -> None:
        assert self._loop is not None
        rest = self._last + self._interval - time.monotonic()
        if rest > 0:
            self._loop.call_later(rest, self.drain)
        else:
            self.drain()
