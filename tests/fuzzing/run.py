"""Damage small valid files of every reader, and see that nothing but a sentence comes of it.

``python tests/fuzzing/run.py --cases 100000 --json FILE``. Each case is tried in a child with limits of time
and of memory, which is replaced when it dies; a case is known by its reader and its number, which decide on
everything.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import pickle
import resource
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil
from fuzzing.examining import read, verdict, written
from fuzzing.mutations import mutated
from fuzzing.seeds import READERS, Seed, seeds

SECONDS = 5
"""Of the processor, which a case may take."""

_PATIENCE = 300
"""Seconds of the clock, for a case that waits for something."""

_BYTES = 2 * 2**30

_ROUND = 20
"""Cases of a reader before the next reader has its turn."""

_forking = multiprocessing.get_context(
    "fork"
)  # by a process without threads, which has all imports behind it


def _grow(folder: Path, out: Path) -> None:
    """Make the seeds and read them once, in a process of its own: some of their libraries start threads."""
    grown: dict[str, list[tuple[Seed, dict[str, Any]]]] = {reader: [] for reader in READERS}
    for seed in seeds():
        written(folder, seed.files)
        grown[seed.reader].append((seed, read(seed.reader, folder / seed.opened)))
    out.write_bytes(pickle.dumps(grown))


def _case(grown: list[tuple[Seed, dict[str, Any]]], reader: str, number: int) -> tuple[Any, ...]:
    random = Random(zlib.crc32(f"{reader} {number}".encode()))
    seed, known = random.choice(grown)
    other = random.choice(grown)[0]
    files, is_missing = mutated(seed.files, random.choice(list(other.files.values())), random)
    return seed, files, is_missing, known


def _child(grown: Any, folder: Path, orders: Connection) -> None:
    """Try case after case until nobody asks any more."""
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - until the process ends
    os.dup2(sys.stdout.fileno(), 2)
    for number in range(2):  # what a first read keeps, such as threads and buffers, is no case's
        for reader in READERS:
            for seed, _ in grown[reader][number : number + 1]:
                written(folder, seed.files)
                read(seed.reader, folder / seed.opened)
    before = psutil.Process().memory_info()
    resource.setrlimit(resource.RLIMIT_AS, (before.vms + _BYTES,) * 2)
    orders.send("ready")
    while True:
        reader, number = orders.recv()
        wrong = verdict(*_case(grown[reader], reader, number), folder)
        grew = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before.rss
        orders.send((wrong, max(0, grew)))


class _Tried:
    """A child that tries cases, replaced when it dies or is killed."""

    def __init__(self, grown: Any, folder: Path) -> None:
        self._grown, self._folder = grown, folder
        self._start()

    def _start(self) -> None:
        self._orders, theirs = _forking.Pipe()
        self._process = _forking.Process(target=_child, args=(self._grown, self._folder, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._orders.recv()

    def verdict(self, reader: str, number: int) -> tuple[str, int]:
        """Return what is wrong with a case, and by how many bytes the child has grown so far."""
        process = psutil.Process(self._process.pid)
        began, clock = sum(process.cpu_times()[:2]), time.monotonic()
        self._orders.send((reader, number))
        while not self._orders.poll(0.5):
            try:
                spent = sum(process.cpu_times()[:2]) - began
            except psutil.NoSuchProcess:
                break
            if spent > SECONDS or time.monotonic() - clock > _PATIENCE:
                self.stop()
                self._start()
                return f"over {SECONDS} s", 0
        try:
            found: tuple[str, int] = self._orders.recv()
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            self._start()
            return f"signal {-code}" if code is not None and code < 0 else f"ended with {code}", 0
        return found

    def stop(self) -> None:
        self._process.kill()
        self._process.join()


def fuzz(
    readers: list[str],
    cases: int,
    first: int = 0,
    *,
    minutes: float = float("inf"),
    heed: Callable[[dict[str, Any]], object] = lambda report: None,
) -> dict[str, Any]:
    """Try so many cases of each reader, or as many as there is time for, and return what came of them.

    Parameters
    ----------
    readers
        Names of :data:`~fuzzing.seeds.READERS`.
    cases, first
        How many cases of each, and the number of the first.
    minutes
        After which no case is begun.
    heed
        Given the report after each round, in which every reader has had as many cases.
    """
    report: dict[str, Any] = {"cases": {}, "wrong": {}, "most_mb": 0, "slowest_seconds": 0}
    counted = {reader: {"tried": 0, "wrong": 0} for reader in readers}
    until = time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory(prefix="fuzzing-") as name:
        folder = Path(name)
        grower = _forking.Process(target=_grow, args=(folder / "seed", folder / "seeds"))
        grower.start()
        grower.join()
        grown = pickle.loads((folder / "seeds").read_bytes())
        tried = _Tried(grown, folder / "case")
        try:
            for start in range(first, first + cases, _ROUND):
                for reader in readers:
                    for number in range(start, min(start + _ROUND, first + cases)):
                        if time.monotonic() > until:
                            return report
                        began = time.monotonic()
                        wrong, grew = tried.verdict(reader, number)
                        seconds = time.monotonic() - began
                        if seconds > report["slowest_seconds"]:
                            report["slowest_seconds"], report["slowest"] = seconds, f"{reader} {number}"
                        if round(grew / 1e6) > report["most_mb"]:
                            report["most_mb"], report["most_by"] = round(grew / 1e6), f"{reader} {number}"
                        counted[reader]["tried"] += 1
                        if wrong:
                            counted[reader]["wrong"] += 1
                            report["wrong"].setdefault(f"{reader}: {wrong}", number)
                            print(reader, number, wrong, flush=True)
                    report["cases"][reader] = counted[reader]
                heed(report)
        finally:
            tried.stop()
    return report


def main() -> None:
    """Run from the command line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--cases", type=int, default=100_000, help="over all readers")
    asked.add_argument("--first", type=int, default=0, help="number of the first case of each reader")
    asked.add_argument("--minutes", type=float, default=float("inf"), help="after which no case is begun")
    asked.add_argument("--readers", default=",".join(READERS))
    asked.add_argument("--json", type=Path)
    given = asked.parse_args()
    readers = given.readers.split(",")

    def keep(report: dict[str, Any]) -> None:
        print(sum(counted["tried"] for counted in report["cases"].values()), "tried", flush=True)
        if given.json:
            given.json.write_text(json.dumps(report, indent=1) + "\n")

    report = fuzz(readers, -(-given.cases // len(readers)), given.first, minutes=given.minutes, heed=keep)
    keep(report)
    sys.exit(1 if report["wrong"] else 0)


if __name__ == "__main__":
    main()
