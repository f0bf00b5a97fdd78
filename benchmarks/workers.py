"""One worker of a Dask cluster on this machine against two: how much faster that is, with the same scores.

    python benchmarks/workers.py --out workers.json

Each worker computes in one thread, as `anomalymatch score --engine dask` starts one on each core. Both
clusters are up and have opened pool and model before anything is timed. They score the same archive in turn,
from the command's first question to the sorted scores; how images are read is taken from one archive made
before. The ratio is of the medians. Nothing else should run beside it, and it needs two cores.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from distributed import SpecCluster
from scoring_pools import WRITERS, write_pool

from anomalymatch_ui.config import NetworkConfig, TrainConfig
from anomalymatch_ui.learn import Trainer, TrainingData, build_network, save_checkpoint
from anomalymatch_ui.score.archive import MANIFEST
from anomalymatch_ui.score.dask_engine import local_cluster
from anomalymatch_ui.score.request import ScoreRequest, run_request

SIZE = 64
SHARD = 1024  # a large archive has thousands of shards; with three, one of two workers waits for the other
WORKERS = (1, 2)
WANTED = 1.7


def make_checkpoint(path: Path) -> Path:
    """Write an untrained network as the checkpoint of a cycle."""
    pixels = np.zeros((4, 3, SIZE, SIZE), np.uint8)
    data = TrainingData(pixels, np.arange(4) < 2, pixels)
    network = build_network(NetworkConfig(image_size=SIZE), seed=0)
    settings = TrainConfig(labelled_batch=2, unlabelled_batch=2)
    save_checkpoint(path, Trainer(network, None, settings, data, device=torch.device("cpu"), seed=0), steps=0)
    return path


def score(cluster: SpecCluster, pool: Path, model: Path, out: Path) -> float:
    """Score an archive on a cluster; gives the seconds."""
    started = time.perf_counter()
    where: dict[str, Any] = {"engine": "dask", "scheduler": cluster.scheduler_address, "device": "cpu"}
    request = ScoreRequest(pool, model, out, shard_size=SHARD, **where)
    run_request(request, lambda title: lambda done, total: None)
    return time.perf_counter() - started


def contents(folder: Path) -> dict[str, bytes]:
    """Return the archive's files."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.lock"}


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Time both clusters in turn."""
    pool = write_pool(folder, options.format, options.images, SIZE)
    model = make_checkpoint(folder / "model.safetensors")
    seconds: dict[int, list[float]] = {count: [] for count in WORKERS}
    with local_cluster("cpu", workers=1) as one, local_cluster("cpu", workers=2) as two:
        clusters = dict(zip(WORKERS, (one, two), strict=True))
        for count, cluster in clusters.items():
            score(cluster, pool, model, folder / f"opened-{count}")
        manifest = (folder / "opened-1" / MANIFEST).read_bytes()
        written = []
        for turn in range(options.repeats):
            for count, cluster in clusters.items():
                out = folder / f"scores-{count}"
                shutil.rmtree(out, ignore_errors=True)
                out.mkdir()
                (out / MANIFEST).write_bytes(manifest)
                seconds[count].append(score(cluster, pool, model, out))
                print(f"turn {turn + 1}, {count}: {seconds[count][-1]:.2f} s", file=sys.stderr, flush=True)
                written.append(contents(out))
    medians = {count: statistics.median(taken) for count, taken in seconds.items()}
    return {
        "format": options.format,
        "images": options.images,
        "size": SIZE,
        "seconds": {count: [round(value, 3) for value in taken] for count, taken in seconds.items()},
        "images_per_second": {count: round(options.images / value) for count, value in medians.items()},
        "ratio": round(medians[1] / medians[2], 2),
        "wanted": WANTED,
        "same_bytes": all(other == written[0] for other in written),
        "shard_size": SHARD,
    }


def main() -> None:
    """Measure, print, and keep the result; exit code 1 where it does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", type=int, default=24_576)
    parser.add_argument("--format", choices=WRITERS, default="zarr")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="anomalymatch-workers-") as folder:
        result = measure(Path(folder), options)
    print(json.dumps(result, indent=1))
    if options.out is not None:
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    sys.exit(0 if result["ratio"] >= WANTED and result["same_bytes"] else 1)


if __name__ == "__main__":
    main()
