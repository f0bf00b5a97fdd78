from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from anomalymatch_ui.config import ScoreConfig
from anomalymatch_ui.stream import StageClock
from anomalymatch_ui.stream.flow import Regrouping, Stage, run_stages

CPU = torch.device("cpu")
CONFIG = ScoreConfig(batch_size=8, workers=2)


def stage_threads() -> list[str]:
    names = ("read-", "decode-", "resize-", "transfer-", "forward-", "regroup-")
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(names)]


def test_the_clock_counts_busy_time_per_stage_and_gives_its_share_of_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr("anomalymatch_ui.stream.clock.time.perf_counter", lambda: now)
    clock = StageClock()
    clock.set_workers("read", 2)
    with clock.busy("forward"):
        now += 5
    clock.add("read", 2)
    now += 5
    with clock.busy("write"):
        now += 1
    shares = clock.shares()
    assert list(shares) == ["read", "forward", "write"]
    assert dict(shares) == pytest.approx({"read": 1 / 11, "forward": 5 / 11, "write": 1 / 11})


def test_a_clock_that_counted_nothing_has_no_shares() -> None:
    assert dict(StageClock().shares()) == {}


def test_what_comes_out_of_the_stages_is_in_order_whatever_each_takes() -> None:
    def dawdle(number: int) -> int:
        time.sleep(0.01 if number % 3 == 0 else 0)
        return number * 10

    stages = [Stage("read", dawdle, workers=4), Stage("decode", lambda number: number + 1, workers=2)]
    assert list(run_stages(range(40), stages, StageClock())) == [10 * number + 1 for number in range(40)]


def test_a_slow_reader_of_results_holds_the_stages_up_so_that_memory_stays_bounded() -> None:
    begun: list[int] = []
    stages = [
        Stage("read", lambda n: begun.append(n) or n, workers=3, ahead=2),
        Stage("decode", abs, ahead=2),
    ]
    results = run_stages(range(10_000), stages, StageClock())
    for _ in range(5):
        next(results)
        time.sleep(0.05)
    results.close()
    assert 5 <= len(begun) <= 5 + 3 + 2 + 1 + 2 + 2  # given, in hand and waiting


def test_an_error_in_a_stage_comes_after_the_results_before_it_and_ends_all_threads() -> None:
    def fail_at_20(number: int) -> int:
        if number == 20:
            raise OSError("the disk is gone")
        return number

    stages = [Stage("read", fail_at_20, workers=3), Regrouping(lambda items: items), Stage("decode", abs)]
    results: list[int] = []
    with pytest.raises(OSError, match="the disk is gone"):
        results.extend(run_stages(range(1000), stages, StageClock()))
    assert results == list(range(20))
    assert not stage_threads()


def test_an_error_of_what_feeds_the_stages_is_raised(tmp_path: Path) -> None:
    def feed() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    results = run_stages(feed(), [Stage("read", abs)], StageClock())
    assert next(results) == 1
    with pytest.raises(ValueError, match="no more"):
        next(results)


def test_closing_the_results_ends_all_threads() -> None:
    results = run_stages(range(1000), [Stage("read", abs, workers=4), Stage("decode", abs)], StageClock())
    next(results)
    assert stage_threads()
    results.close()
    assert not stage_threads()
