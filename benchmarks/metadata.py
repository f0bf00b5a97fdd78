"""What a table of a million rows costs a session: opening, filters, images of one place, a cross-match.

    python benchmarks/metadata.py --rows 1000000 --json metadata.json

The pool is an HDF5 file of small images, the table a Parquet file of 20 columns: names, positions, numbers,
whole numbers of 19 digits, flags and texts, in another order than the images. The positions lie in a strip
of sky, every tenth within a second of arc of another. Each step is measured in seconds on the clock and of
a processor, the steps that stay in the process three times, of which the median counts. "Opens" is the time
until a new process has the first list with folding by place on; Python's own imports are told apart.
Ends with exit code 1 where the clock exceeds what is promised on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from dashboard.sessions import large_pool

from anomalymatch_ui.session import Query, Session
from anomalymatch_ui.sky import group_numbers, nearest_within

KNOWN = 100_000
PROMISED = {"opened": 5.0, "number": 0.3, "text": 0.3, "both": 0.3, "order": 0.3, "crossmatch": 5.0}

OPENING = """
import json, resource, sys, time
began, processor = time.perf_counter(), time.process_time()
from anomalymatch_ui.session import Query, Session
imported = time.perf_counter() - began, time.process_time() - processor
began, processor = time.perf_counter(), time.process_time()
with Session.open(sys.argv[1]) as session:
    total = session.find(Query(sort="name")).total
    opened = time.perf_counter() - began, time.process_time() - processor
    began, processor = time.perf_counter(), time.process_time()
    some = session.find(Query(sort="name", columns={"number 3": (0.25, 0.5)})).total
    filtered = time.perf_counter() - began, time.process_time() - processor
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"imported": imported, "opened": opened, "first_filter": filtered,
    "cards": total, "passed": some, "memory_mb": memory}))
"""


def positions(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return places in a strip of sky, every tenth beside the one before it."""
    random = np.random.default_rng(seed)
    ra, dec = random.uniform(0, 180, rows), random.uniform(-10, 10, rows)
    twins = np.arange(9, rows, 10)
    ra[twins], dec[twins] = ra[twins - 1], dec[twins - 1] + random.uniform(0, 0.9, len(twins)) / 3600
    return ra, dec


def table_of(ids: list[str], path: Path) -> Path:
    """Write 20 columns, with the rows in an order of their own."""
    rows, random = len(ids), np.random.default_rng(1)
    ra, dec = positions(rows, 2)
    columns: dict[str, Any] = {"id": ids, "ra": ra, "dec": dec}
    columns |= {f"number {column}": random.random(rows) for column in range(8)}
    columns |= {f"count {column}": random.integers(0, 1000, rows) for column in range(3)}
    columns |= {"source_id": random.integers(10**18, 9 * 10**18, rows), "flag": random.random(rows) < 0.1}
    columns |= {"survey": random.choice(["wide", "deep", "ultra deep"], rows)}
    columns |= {"field": [f"field {number:04d}" for number in random.integers(0, 5000, rows)]}
    columns |= {"tile": [f"T{number}" for number in random.integers(0, 200, rows)]}
    columns |= {"magnitude": np.where(random.random(rows) < 0.05, np.nan, random.normal(22, 1, rows))}
    pq.write_table(pa.table(columns).take(random.permutation(rows)), path)
    return path


def measured(step: Callable[[], object], times: int = 3) -> dict[str, float]:
    """Return the median seconds on the clock and of a processor."""
    clock, processor = [], []
    for _ in range(times):
        began, worked = time.perf_counter(), time.process_time()
        step()
        clock.append(time.perf_counter() - began)
        processor.append(time.process_time() - worked)
    return {"seconds": statistics.median(clock), "processor": statistics.median(processor)}


def opening(session: Path) -> dict[str, Any]:
    """Open a session in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", OPENING, str(session)], check=True, stdout=subprocess.PIPE, text=True
    )
    told = json.loads(done.stdout.splitlines()[-1])
    for step in ("imported", "opened", "first_filter"):
        told[step] = dict(zip(("seconds", "processor"), told[step], strict=True))
    return told


def measure(folder: Path, rows: int) -> dict[str, Any]:
    """Make the session, and measure all steps."""
    pool = large_pool(folder / "large.h5", rows)
    session_path = folder / "session"
    with Session.open(session_path, pool) as session:
        table = table_of(list(session.pool.ids), folder / "table.parquet")
    given = measured(lambda: Session.open(session_path, pool, metadata=table).close(), times=1)
    told: dict[str, Any] = {"rows": rows, "given": given, **opening(session_path)}
    queries = {
        "number": Query(sort="name", columns={"number 1": (0.25, 0.5)}),
        "text": Query(sort="name", columns={"field": "12"}),
        "both": Query(sort="name", columns={"number 2": (0.1, 0.9), "survey": "deep"}),
        "order": Query(sort="name", reverse=True, columns={"magnitude": (20, 22)}),
        "cone": Query(sort="name", cone=(90.0, 0.0, 3600.0)),
    }
    with Session.open(session_path, pool) as session:
        for name, query in queries.items():
            first = measured(lambda query=query: session.find(query), times=1)
            told[name] = {**measured(lambda query=query: session.find(query)), "first": first["seconds"]}
    ra, dec = positions(rows, 3)
    told["grouping"] = measured(lambda: group_numbers(ra, dec, 1.0))
    told["grouping_30"] = measured(lambda: group_numbers(ra, dec, 30.0), times=1)
    some = np.random.default_rng(4).choice(rows, min(KNOWN, rows), replace=False)
    known = ra[some], dec[some] + 0.5 / 3600
    told["crossmatch"] = measured(lambda: nearest_within(ra, dec, *known, 2.0))
    return told


def main() -> None:
    """Measure, print, and compare with what is promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = measure(Path(folder), options.rows)
    over = [name for name, seconds in PROMISED.items() if told[name]["seconds"] >= seconds]
    told["over"] = over
    print(json.dumps(told, indent=1))
    if options.json:
        options.json.write_text(json.dumps(told) + "\n")
    sys.exit(1 if over else 0)


if __name__ == "__main__":
    main()
