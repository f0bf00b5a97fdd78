"""What the soak calls a leak, and what it does not."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "soak.py"


@pytest.fixture(scope="module")
def soak() -> ModuleType:
    specification = importlib.util.spec_from_file_location("soak", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["soak"] = module  # where its dataclass looks for its own types
    specification.loader.exec_module(module)
    return module


def verdict(soak: ModuleType, **grows: Callable[[int], float]) -> list[str]:
    usual = {"memory_mb": lambda minute: 500.0, "threads": lambda minute: 20, "handles": lambda minute: 40}
    of = usual | {"disk_mb": lambda minute: 12.0} | grows
    samples = [
        soak.Sample(minute, **{name: value(minute) for name, value in of.items()}, actions=minute)
        for minute in range(1, 41)
    ]
    found: list[str] = soak.verdict(samples)
    return found


def test_what_stays_as_it_is_after_the_warm_up_is_no_leak(soak: ModuleType) -> None:
    assert verdict(soak) == []
    assert verdict(soak, memory_mb=lambda minute: 300 + 20 * min(minute, 10)) == []
    assert verdict(soak, memory_mb=lambda minute: 500 + minute / 2) == []  # 3 % from the second quarter on


def test_a_file_or_a_timer_that_is_open_for_a_moment_is_no_leak(soak: ModuleType) -> None:
    assert verdict(soak, handles=lambda minute: 40 + minute % 3, threads=lambda minute: 20 + minute % 2) == []


@pytest.mark.parametrize(
    ("name", "grows", "sentence"),
    [
        ("memory_mb", lambda minute: 500.0 + 4 * minute, "Memory grew from 558.0 to 640.0 MB."),
        ("disk_mb", lambda minute: 12.0 + minute, "The disk grew from 26.5 to 47.0 MB."),
        ("threads", lambda minute: 20 + minute // 10, "There are 23 threads, where there were 21."),
        ("handles", lambda minute: 40 + minute // 5, "There are 46 handles, where there were 42."),
    ],
)
def test_what_grows_is_told(
    soak: ModuleType, name: str, grows: Callable[[int], float], sentence: str
) -> None:
    assert verdict(soak, **{name: grows}) == [sentence]


def test_a_short_run_tells_nothing(soak: ModuleType) -> None:
    assert soak.verdict([]) == ["0 samples are too few to tell: let it run for longer."]
