"""How long each stage of a pipeline was busy, so that the bottleneck is read, not guessed."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

STAGES = ("read", "decode", "resize", "transfer", "forward", "write")
"""In the order in which an image goes through them."""


class StageClock:
    """Busy seconds of each stage. Thread-safe; one clock may count several runs.

    Time in which a stage waits for another one is not counted. A stage with several workers counts each.

    Examples
    --------
    >>> clock = StageClock()
    >>> with clock.busy("read"):
    ...     pass
    >>> sorted(clock.shares())
    ['read']
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = {}
        self._workers: dict[str, int] = {}
        self._first: float | None = None
        self._last = 0.0

    @contextmanager
    def busy(self, stage: str) -> Generator[None, None, None]:
        """Count the time inside the block for a stage, also if the block raises."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - started)

    def add(self, stage: str, seconds: float) -> None:
        """Count seconds that end now, measured elsewhere."""
        now = time.perf_counter()
        with self._lock:
            self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds
            self._first = min(now - seconds, now if self._first is None else self._first)
            self._last = max(self._last, now)

    def set_workers(self, stage: str, workers: int) -> None:
        """Set how many workers a stage has; one is assumed of the others."""
        with self._lock:
            self._workers[stage] = workers

    @property
    def elapsed(self) -> float:
        """Seconds from the first start of a stage to the last end of one."""
        with self._lock:
            return 0.0 if self._first is None else self._last - self._first

    def seconds(self) -> Mapping[str, float]:
        """Return stage -> busy seconds, all workers together, in the order of :data:`STAGES`."""
        with self._lock:
            known = [stage for stage in STAGES if stage in self._seconds]
            others = [stage for stage in self._seconds if stage not in STAGES]
            return MappingProxyType({stage: self._seconds[stage] for stage in known + others})

    def shares(self) -> Mapping[str, float]:
        """Return stage -> busy share of its workers' time, 0 to 1. The largest is the bottleneck."""
        elapsed = self.elapsed
        seconds = self.seconds()
        with self._lock:
            workers = dict(self._workers)
        if elapsed == 0:
            return MappingProxyType(dict.fromkeys(seconds, 0.0))
        return MappingProxyType(
            {stage: min(1.0, busy / elapsed / workers.get(stage, 1)) for stage, busy in seconds.items()}
        )
