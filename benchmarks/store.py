"""How long it takes to sort an archive's scores, and to answer what a person asks of them.

Makes an archive of synthetic scores of the wanted length, as `anomalymatch score` would write it, then
sorts it and asks for pages of 200 rows anywhere in the ranking, for scores of single images, for a
histogram, and for what filters let through. Run

    python benchmarks/store.py --rows 10000000 --out store.json

10^7 rows take a minute or two and 1 GB of disk; 10^8 rows need 12 GB, of which 10 GB are given back when
they are sorted. Pages are asked for with a connection that has answered before, by a process of its own
whose largest resident memory is reported.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from anomalymatch_ui import __version__
from anomalymatch_ui.score.archive import MANIFEST, Archive
from anomalymatch_ui.score.manifest import ArchiveManifest
from anomalymatch_ui.score.queries import ScoreFilter, Scores
from anomalymatch_ui.score.shards import Shard
from anomalymatch_ui.score.sorting import MEMORY_LIMIT, sort_scores
from anomalymatch_ui.stream.memory import peak_megabytes

SHARD = 65_536
PAGE = 200
ASKED = 50


def make_archive(folder: Path, rows: int) -> Archive:
    """Write shards of random scores whose ids are those of a folder of tiles, in no order of score."""
    manifest = ArchiveManifest(
        model="synthetic",
        pool="synthetic",
        images=rows,
        software=__version__,
        image_size=64,
        symmetry="none",
        device="cpu",
        dtype="float32",
        components=0,
        batch_size=64,
        compiled=False,
        shard_size=SHARD,
    )
    folder.mkdir(parents=True, exist_ok=True)
    manifest.write(folder / MANIFEST)
    archive = Archive(folder, manifest, None)
    random = np.random.default_rng(42)
    for number in range(manifest.shard_count):
        asked = manifest.indices(number)
        scores = random.beta(0.4, 8, len(asked)).astype(np.float32)  # most are next to 0, as in a real pool
        ids = [f"tile-{index // 5000:05d}/cutout-{index:09d}.jpg" for index in asked]
        archive.write(archive.encode(number, Shard(ids, scores)))
    return archive


def seconds(work: Callable[[], Any]) -> float:
    """Time something once."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def summary(times: list[float]) -> dict[str, float]:
    """Return median, 95th percentile and largest, in milliseconds."""
    values = 1000 * np.array(times)
    return {
        "median_ms": round(float(np.median(values)), 1),
        "p95_ms": round(float(np.percentile(values, 95)), 1),
        "largest_ms": round(float(values.max()), 1),
    }


def ask(folder: Path, rows: int) -> dict[str, Any]:
    """Time questions, each at other places."""
    random = np.random.default_rng(1)
    starts = random.integers(0, rows - PAGE, ASKED).tolist()
    opened = time.perf_counter()
    with Scores(folder) as scores:
        first_page = time.perf_counter()
        scores.page(0, PAGE)
        first = time.perf_counter()
        ids = [f"tile-{index // 5000:05d}/cutout-{index:09d}.jpg" for index in starts]
        tile = ScoreFilter(prefix=ids[0].partition("/")[0])
        narrow = ScoreFilter(lowest=0.5, highest=0.50001)
        return {
            "open_ms": round(1000 * (first_page - opened), 1),
            "first_page_ms": round(1000 * (first - first_page), 1),
            "page": summary([seconds(lambda at=start: scores.page(at, PAGE)) for start in starts]),
            "score_of": summary([seconds(lambda name=name: scores.score_of(name)) for name in ids]),
            "histogram": summary([seconds(lambda: scores.histogram(100)) for _ in range(3)]),
            "where_prefix": summary([seconds(lambda: scores.where(tile)) for _ in range(5)]),
            "where_score": summary([seconds(lambda: scores.where(narrow)) for _ in range(5)]),
            "where_like": summary([seconds(lambda: scores.where(ScoreFilter(like="%7777.jpg")))]),
        }


def in_a_process_of_its_own(folder: Path, rows: int) -> dict[str, Any]:
    """Ask in a fresh process, whose memory is that of asking alone."""
    import multiprocessing

    with multiprocessing.get_context("spawn").Pool(1) as process:
        return process.apply(asked_and_weighed, (folder, rows))


def asked_and_weighed(folder: Path, rows: int) -> dict[str, Any]:
    """Ask, and say how much memory that took at most, in MB."""
    before = round(peak_megabytes())
    answers = ask(folder, rows)
    return answers | {"peak_mb": round(peak_megabytes()), "peak_before_mb": before}


def measure(folder: Path, rows: int) -> dict[str, Any]:
    """Make, sort and ask."""
    making = time.perf_counter()
    archive = make_archive(folder, rows)
    made = time.perf_counter()
    sort_scores(archive)
    sorted_at = time.perf_counter()
    sizes = {
        name: round(sum(path.stat().st_size for path in folder.glob(pattern)) / 2**20)
        for name, pattern in (("shards", "shard-*"), ("ranking", "ranking.*"), ("by_id", "by-id.*"))
    }
    return {
        "rows": rows,
        "made_s": round(made - making, 1),
        "sorted_s": round(sorted_at - made, 1),
        "memory_limit": MEMORY_LIMIT,
        "size_mb": sizes,
        **in_a_process_of_its_own(folder, rows),
    }


def main() -> None:
    """Measure, print, and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, help="where there is room for the archive; it is kept")
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="anomalymatch-store-"))
    try:
        result = measure(folder, arguments.rows)
    finally:
        if arguments.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(result, indent=1))
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
