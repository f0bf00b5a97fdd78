"""Work that goes through stages, each with threads of its own, bounded, and in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from anomalymatch_ui.stream.clock import StageClock


@dataclass(frozen=True)
class Stage:
    """One step of the work.

    Attributes
    ----------
    name
        What the clock counts it under; empty if it keeps its own account, or is not worth one.
    work
        Called with one item, in several threads at a time; gives the item for the next stage.
    workers
        Number of threads.
    ahead
        How many finished items may wait for the next stage.
    begin
        Called once by each thread before its first item.
    """

    name: str
    work: Callable[[Any], Any]
    workers: int = 1
    ahead: int = 2
    begin: Callable[[], None] | None = None


@dataclass(frozen=True)
class Regrouping:
    """A step that makes other items of what it gets, fewer or more; one thread, in order.

    Attributes
    ----------
    regroup
        Called once, with the items of the stage before.
    ahead
        How many finished items may wait for the next stage.
    """

    regroup: Callable[[Iterator[Any]], Iterable[Any]]
    ahead: int = 2


@dataclass(frozen=True)
class _Failure:
    """Goes through the stages in the place of an item, so that what came before it is still given."""

    error: BaseException


class _Stopped(Exception):
    """The work is given up."""


class _Link:
    """What one stage hands to the next: items by number, given in order, a bounded number of them.

    A number can be put as soon as it is among the next ``ahead``, so that the worker with the lowest
    number, for which all others wait, never waits itself.
    """

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self._waiting: dict[int, Any] = {}
        self._next = 0
        self._total: int | None = None
        self._stopped = False
        self._changed = threading.Condition()

    def put(self, number: int, item: Any) -> None:
        with self._changed:
            self._changed.wait_for(lambda: number < self._next + self._ahead or self._stopped)
            if self._stopped:
                raise _Stopped
            self._waiting[number] = item
            self._changed.notify_all()

    def get(self) -> tuple[int, Any] | None:
        """Return the next item and its number; ``None`` after the last one."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._next in self._waiting or self._next == self._total or self._stopped
            )
            if self._stopped:
                raise _Stopped
            if self._next == self._total:
                return None
            number = self._next
            self._next += 1
            self._changed.notify_all()
            return number, self._waiting.pop(number)

    @property
    def total(self) -> int | None:
        """How many items there are in all, as soon as it is known."""
        with self._changed:
            return self._total

    def end(self, total: int | None) -> None:
        """Tell the next stage how many items there are in all."""
        with self._changed:
            self._total = total
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Any]:
        while (got := self.get()) is not None:
            yield got[1]


def run_stages(
    items: Iterable[Any], stages: Sequence[Stage | Regrouping], clock: StageClock
) -> Generator[Any, None, None]:
    """Send items through stages and give what comes out, in order.

    Nothing runs before the first result is asked for. At most ``workers + ahead`` items are in a stage
    at one time, however many there are and however slow what follows is. An exception is raised to who
    asks for the results, after all results before it. Closing the generator, or an exception, ends all
    threads; what they are at is finished first.

    Parameters
    ----------
    items
        What goes into the first stage; taken one by one, in a thread.
    stages
        In order.
    clock
        Counts how long each stage is busy.
    """
    feed = Regrouping(lambda _: items, ahead=1)
    steps: list[Stage | Regrouping] = [feed, *stages]
    links = [_Link(step.ahead) for step in steps]
    threads: list[threading.Thread] = []
    target: Callable[[], None]
    for number, step in enumerate(steps):
        source = links[number - 1] if number else _Link(1)
        if isinstance(step, Regrouping):
            workers, target = 1, partial(_regroup, step, source, links[number])
        else:
            if step.name:
                clock.set_workers(step.name, step.workers)
            workers, target = step.workers, _Crew(step, source, links[number], clock).run
        name = getattr(step, "name", "") or "regroup"
        threads += [
            threading.Thread(target=target, name=f"{name}-{worker}", daemon=True) for worker in range(workers)
        ]
    try:
        for thread in threads:
            thread.start()
        for item in links[-1]:
            if isinstance(item, _Failure):
                raise item.error
            yield item
    finally:
        for link in links:
            link.stop()
        for thread in threads:
            if thread.ident is not None:
                thread.join()


class _Crew:
    """The threads of one stage."""

    def __init__(self, stage: Stage, source: _Link, target: _Link, clock: StageClock) -> None:
        self._stage = stage
        self._source = source
        self._target = target
        self._clock = clock

    def run(self) -> None:
        begin: Callable[[], None] | None = self._stage.begin
        try:
            while (got := self._source.get()) is not None:
                number, item = got
                if not isinstance(item, _Failure):
                    item = self._work(item, begin)
                    begin = None
                self._target.put(number, item)
                del item, got  # not to be kept while this thread waits for the next one
            self._target.end(self._source.total)
        except _Stopped:
            pass

    def _work(self, item: Any, begin: Callable[[], None] | None) -> Any:
        try:
            if begin is not None:
                begin()
            if not self._stage.name:
                return self._stage.work(item)
            with self._clock.busy(self._stage.name):
                return self._stage.work(item)
        except BaseException as error:  # noqa: BLE001 - raised again to who asks for the results
            return _Failure(error)


def _regroup(step: Regrouping, source: _Link, target: _Link) -> None:
    number = 0
    failures: list[_Failure] = []

    def until_failure() -> Generator[Any, None, None]:
        for item in source:
            if isinstance(item, _Failure):
                failures.append(item)
                return
            yield item

    try:
        try:
            with closing(until_failure()) as items:
                for item in step.regroup(items):
                    if failures:
                        break
                    target.put(number, item)
                    number += 1
        except _Stopped:
            raise
        except BaseException as error:  # noqa: BLE001 - raised again to who asks for the results
            failures.append(_Failure(error))
        if failures:
            target.put(number, failures[0])
            number += 1
        target.end(number)
    except _Stopped:
        pass
