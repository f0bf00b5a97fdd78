"""What it costs to score an archive as a session orders its own images, beside its network alone in one view.

    python benchmarks/session_archive.py --images 50000 --json session-archive.json

The archive is an HDF5 file of synthetic images of 64 px. The session is on other images of the kind, with
5 and 50 labels, an order and one short cycle. Each run is the command that a person types, in a process of
its own; the two take turns. The session's own images are scored by the same command, too, and the first
images of both orders are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from scoring_pools import write_pool

from anomalymatch_ui import Config, Session
from anomalymatch_ui.score import Scores

SIDE = 64
IN_SESSION = 2_000
FIRST = 1_000


def make_session(folder: Path, images: Path) -> Path:
    """Make a session of labels, an order and a cycle; its anomalies are the largest blobs."""
    path = folder / "session"
    config = Config.preset("default").with_values(train={"steps": 20})
    with Session.open(path, images, config=config) as session:
        rows = np.random.default_rng(0).choice(len(session.pool), 300, replace=False)
        pixels = session.pool.read(rows.tolist(), SIDE).pixels
        largest_first = rows[np.argsort(-pixels.mean(axis=(1, 2, 3)))]
        session.label([session.pool.ids[row] for row in largest_first[:5]], "anomaly")
        session.label([session.pool.ids[row] for row in largest_first[-50:]], "nominal")
        session.train(wait=True)
        session.rank(wait=True)
    return path


def score(images: Path, out: Path, *options: str) -> dict[str, float]:
    """Run the command; return its seconds on the clock and of a processor."""
    before, began = os.times(), time.perf_counter()
    command = [sys.executable, "-m", "anomalymatch_ui.cli", "score", str(images), "--out", str(out), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    worked = after.children_user + after.children_system - before.children_user - before.children_system
    return {"seconds": round(time.perf_counter() - began, 1), "processor": round(worked, 1)}


def shared(session: Path, scores: Path) -> float:
    """Return which share of a session's first images are among the first of its archive."""
    with Session.open(session) as opened:
        ranking = opened.ranking()
        own = [opened.pool.ids[row] for row in ranking.order[:FIRST].tolist()]
    with Scores(scores) as found:
        return len(set(own) & set(found.page(0, FIRST).ids)) / len(own)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=50_000, help="of the archive")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path, help="a file for the figures")
    arguments = parser.parse_args()
    turns: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = write_pool(folder, "hdf5", IN_SESSION, SIDE)
        session = make_session(folder, small)
        model = str(max((session / "checkpoints").glob("cycle-*.safetensors")))
        archive = write_pool(folder, "hdf5", arguments.images, SIDE)
        for turn in range(arguments.turns):
            alone = score(archive, folder / f"alone-{turn}", "--model", model)
            whole = score(archive, folder / f"session-{turn}", "--session", str(session))
            turns.append({"network alone, one view": alone, "session": whole})
        score(small, folder / "own", "--session", str(session))
        agreement = shared(session, folder / "own")
    plain, fused = ([turn[kind] for turn in turns] for kind in ("network alone, one view", "session"))
    ratios = {
        unit: round(statistics.median(b[unit] / a[unit] for a, b in zip(plain, fused, strict=True)), 2)
        for unit in ("seconds", "processor")
    }
    report = {
        "images": arguments.images,
        "turns": turns,
        "ratio": ratios,
        f"share of the session's first {FIRST:,} of {IN_SESSION:,} among the archive's": agreement,
    }
    print(json.dumps(report, indent=1))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
