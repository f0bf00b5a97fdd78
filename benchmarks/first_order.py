"""How long a person waits for the first order of a folder, and until all of it has been looked at.

    python benchmarks/first_order.py IMAGES --json first-order.json
    python benchmarks/first_order.py IMAGES --images 4500 --beside ../former --json first-order.json
    python benchmarks/first_order.py --made 1000000 --until first --json first-order.json

``--beside`` measures another checkout of the project after this one, each in a process of its own on the
same images, with the same interpreter unless ``--python`` names another. Seconds count from the opened pool
on: opening an empty session, importing torch and measuring what the images are of are part of them. Memory
is the kernel's resident size, sampled five times a second. On a machine that others use compare
``processor``, the seconds of processor time up to the same moments.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
SIDE = 64  # of images that are made


def measure(images: Path, count: int, until: str) -> dict[str, Any]:
    """Look at the images by the checkout that is imported; of a large pool at ``count`` of them."""
    from anomalymatch_ui import Config, Session, open_pool
    from anomalymatch_ui.pool import SubsetPool

    pool = open_pool(images)
    if 0 < count < len(pool):
        pool = SubsetPool(pool, random.Random(0).sample(list(pool.ids), count))
    found: dict[str, Any] = {"images": len(pool), "processor": {}}
    started, worked = time.perf_counter(), time.process_time()

    def reached(*milestones: str) -> None:
        passed, busy = time.perf_counter() - started, time.process_time() - worked
        for milestone in milestones:  # at one moment: those that come together have the same figures
            if milestone not in found:
                found[milestone] = round(passed, 1)
                found["processor"][milestone] = round(busy, 1)

    def look(status: Any) -> None:
        looked_at = getattr(status, "looked_at", None)
        if status.phase == "embedding":
            reached("prepared")
        if status.ranking_version:
            known = len(pool) if looked_at is None else looked_at.once
            found.setdefault("first_order_images", known)
            reached("first_order", *(["all_once"] if known == len(pool) else []))
            seen_enough = until == "first" or (until == "once" and known == len(pool))
            if seen_enough and status.state == "running":
                session.stop()

    memory = _Memory()
    with tempfile.TemporaryDirectory() as folder, memory:
        config = Config.preset("embedding")
        with Session.open(Path(folder) / "session", pool, config=config) as session:
            session.subscribe(look)
            session.rank(wait=True)
    if session.ranking().version and until == "end":
        reached("all_closely")
    return {**found, "resident_mb": memory.peak, "resident_mb_before": memory.first}


class _Memory(threading.Thread):
    """Samples the resident size of this process while it is entered, in MB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.first = self.peak = _resident_mb()
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.2):
            self.peak = max(self.peak, _resident_mb())

    def __enter__(self) -> _Memory:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()


def _resident_mb() -> int:
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) // 1024


def run(checkout: Path, python: str, images: Path, *options: str) -> dict[str, Any]:
    """Measure one checkout in a process of its own."""
    command = [python, str(HERE), str(images), *options, "--here"]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=checkout)
    if done.returncode:
        sys.exit(f"{checkout.name} failed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pool", type=Path, nargs="?")
    parser.add_argument("--made", type=int, metavar="COUNT", help="an HDF5 file of so many images of 64 px")
    parser.add_argument("--images", type=int, default=0, help="so many of them, drawn at random; 0 for all")
    parser.add_argument("--beside", type=Path, help="another checkout of the project")
    parser.add_argument("--python", default=sys.executable, help="the interpreter for it")
    parser.add_argument(
        "--until",
        choices=("first", "once", "end"),
        default="end",
        help="stop at the first order, or when all were seen in one view",
    )
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, help="a file for the figures")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if (arguments.pool is None) == (arguments.made is None):
            parser.error("name a pool, or how many images are to be made")
        pool = arguments.pool or _made(Path(folder), arguments.made)
        report = _report(pool.resolve(), arguments)
    print(json.dumps(report, indent=None if arguments.here else 1))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


def _made(folder: Path, count: int) -> Path:
    from scoring_pools import write_pool  # not in the process that is measured

    return write_pool(folder, "hdf5", count, SIDE)


def _report(images: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.here:
        return measure(images, arguments.images, arguments.until)
    options = ["--images", str(arguments.images)]
    this = run(HERE.parents[1], sys.executable, images, *options, "--until", arguments.until)
    report: dict[str, Any] = {"this": this}
    if arguments.beside is not None:
        report["beside"] = run(arguments.beside.resolve(), arguments.python, images, *options)
        report["times_sooner"] = {
            name: round(report["beside"][name] / this[name], 2)
            for name in ("first_order", "all_once", "all_closely")
            if name in this
        }
    return report


if __name__ == "__main__":
    main()
