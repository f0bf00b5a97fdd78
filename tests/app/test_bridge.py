from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from anomalymatch_ui.app.bridge import Bridge


def published_from_a_thread(values: int, pause: float, interval: float) -> list[tuple[int, float, int]]:
    delivered: list[tuple[int, float, int]] = []

    async def main() -> None:
        bridge = Bridge[int](
            lambda value: delivered.append((value, time.monotonic(), threading.get_ident())),
            asyncio.get_running_loop(),
            interval,
        )

        def work() -> None:
            for value in range(values):
                bridge.publish(value)
                time.sleep(pause)

        await asyncio.to_thread(work)
        await asyncio.sleep(2 * interval)

    asyncio.run(main())
    return delivered


def test_values_come_on_the_loop_s_thread_and_the_last_one_always_comes():
    delivered = published_from_a_thread(values=50, pause=0.005, interval=0.05)
    assert delivered[-1][0] == 49
    assert {thread for _, _, thread in delivered} == {threading.get_ident()}


class Loop:
    """A loop that runs what is due when its clock is moved on."""

    def __init__(self) -> None:
        self.now = 0.0
        self.later: list[tuple[float, Callable[[], None]]] = []

    def call_soon_threadsafe(self, work: Callable[[], None]) -> None:
        work()

    def call_later(self, seconds: float, work: Callable[[], None]) -> None:
        self.later.append((self.now + seconds, work))

    def advance(self, seconds: float) -> None:
        self.now += seconds
        due = [work for at, work in self.later if at <= self.now]
        self.later = [(at, work) for at, work in self.later if at > self.now]
        for work in due:
            work()


def test_a_flood_is_thinned_to_one_value_an_interval(monkeypatch: pytest.MonkeyPatch):
    loop, delivered = Loop(), []
    monkeypatch.setattr("anomalymatch_ui.app.bridge.time.monotonic", lambda: loop.now)
    bridge = Bridge[int](lambda value: delivered.append((value, loop.now)), loop, 0.125)  # type: ignore[arg-type]
    for value in range(256):
        bridge.publish(value)
        loop.advance(1 / 512)
    loop.advance(1)
    assert [at for _, at in delivered[:5]] == [0, 0.125, 0.25, 0.375, 0.5]
    assert len(delivered) == 5
    assert delivered[-1][0] == 255


def test_without_a_loop_values_wait_until_they_are_fetched():
    delivered: list[int] = []
    bridge = Bridge[int](delivered.append, None)
    bridge.publish(1)
    bridge.publish(2)
    assert delivered == []
    bridge.drain()
    bridge.drain()
    assert delivered == [2]


def test_a_worker_that_outlives_the_loop_is_not_disturbed():
    loop = asyncio.new_event_loop()
    bridge = Bridge[int](lambda value: None, loop)
    loop.close()
    bridge.publish(1)


def test_a_closed_bridge_delivers_nothing():
    delivered: list[int] = []
    bridge = Bridge[int](delivered.append, None)
    bridge.publish(1)
    bridge.close()
    bridge.drain()
    assert delivered == []
