"""Say whether a training cycle makes the order better.

Counts the anomalies among the first images without a label, after one and the same cycle: by the linear head
alone, by the trained network alone, and by both together.

    python benchmarks/order.py --json                                 # the demo
    python benchmarks/order.py --images DIR --task TASK.csv --json    # its pool half
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from anomalymatch_ui import Config, Session, open_pool
from anomalymatch_ui.demo import survey
from anomalymatch_ui.evaluate import Task
from anomalymatch_ui.labels import read_labels_csv
from anomalymatch_ui.pool import ImagePool, SubsetPool

FIRST = (20, 60, 120)


def demo_search() -> tuple[ImagePool, dict[str, str], dict[str, str]]:
    """Give the demo's images, what is true of them, and the labels to start with."""
    made = survey()
    truth = pd.read_csv(made.truth)
    labels = dict(read_labels_csv(made.labels).labels)
    return open_pool(made.images), dict(zip(truth["filename"], truth["label"], strict=True)), labels


def task_search(images: Path, table: Path, seed: int) -> tuple[ImagePool, dict[str, str], dict[str, str]]:
    """Give the pool half of a task, and 5 + 50 labels drawn from it by ``seed``."""
    task = Task.read(table)
    return SubsetPool(open_pool(images), task.pool), dict(task.pool), dict(task.start(seed, 5, 50))


def anomalies_first(session: Session, truth: dict[str, str]) -> dict[str, int]:
    """Count the anomalies among the first images that have no label."""
    labels = session.labels()
    names = [session.pool.ids[index] for index in session.ranking().order]
    hits = [truth[name] == "anomaly" for name in names if name not in labels]
    return {str(first): int(np.sum(hits[:first])) for first in FIRST}


def main() -> None:
    """Run it and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path)
    parser.add_argument("--task", type=Path)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--preset", default="default", help="whose training is used")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.task is None:
        pool, truth, start = demo_search()
    else:
        pool, truth, start = task_search(arguments.images, arguments.task, arguments.seed)
    left = sum(label == "anomaly" for name, label in truth.items() if name not in start)
    result: dict[str, object] = {"images": len(pool), "seed": arguments.seed, "left": left}
    result["preset"] = arguments.preset
    config = Config.preset(arguments.preset).with_values(seed=arguments.seed, order="network")
    with tempfile.TemporaryDirectory() as folder:
        with Session.open(Path(folder) / "s", pool, config=config) as session:
            for name, label in start.items():
                session.label([name], label)  # type: ignore[arg-type]
            session.rank(wait=True)
            result["linear head"] = anomalies_first(session, truth)
            session.train(wait=True)
            result["network"] = anomalies_first(session, truth)
        with Session.open(Path(folder) / "s", pool, config=config.with_values(order="fused")) as session:
            session.rank(wait=True)
            result["fused"] = anomalies_first(session, truth)
    for name, value in result.items():
        print(f"{name:14} {value}")
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
