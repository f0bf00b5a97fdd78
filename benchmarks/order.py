"""Say whether a training cycle makes the order better.

Counts the anomalies among the first images without a label, after one and the same cycle: by the linear head
alone, by the trained network alone (preset ``paper``), and by both together (preset ``default``).

    python benchmarks/order.py --json                                 # the demo
    python benchmarks/order.py --images DIR --task TASK.csv --json    # a table filename,label,split
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from anomalymatch_ui import Config, Session
from anomalymatch_ui.demo import survey

FIRST = (20, 60, 120)
START = {"anomaly": 5, "nominal": 50}


def demo_task() -> tuple[Path, dict[str, str], dict[str, str]]:
    """Give the demo's images, what is true of them, and the labels to start with."""
    made = survey()
    truth, start = pd.read_csv(made.truth), pd.read_csv(made.labels)
    return (
        made.images,
        dict(zip(truth.filename, truth.label, strict=True)),
        dict(zip(start.filename, start.label, strict=True)),
    )


def table_task(images: Path, table: Path, seed: int) -> tuple[Path, dict[str, str], dict[str, str]]:
    """Give the pool half of a task, and 5 + 50 labels drawn from it by ``seed``."""
    rows = pd.read_csv(table).query("split == 'pool'")
    random = np.random.default_rng(seed)
    start = {}
    for label, count in START.items():
        names = rows.loc[rows.label == label, "filename"].to_numpy()
        start.update(dict.fromkeys(random.choice(names, count, replace=False), label))
    return images, dict(zip(rows.filename, rows.label, strict=True)), start


def anomalies_first(session: Session, truth: Mapping[str, str]) -> dict[str, int]:
    """Count the anomalies among the first images that have no label and whose truth is known."""
    ranking, labels = session.ranking(), session.labels()
    names = [session.pool.ids[index] for index in ranking.order]
    hits = [truth[name] == "anomaly" for name in names if name not in labels and name in truth]
    return {str(first): int(np.sum(hits[:first])) for first in FIRST}


def main() -> None:
    """Run it and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path)
    parser.add_argument("--task", type=Path)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.task is None:
        images, truth, start = demo_task()
    else:
        images, truth, start = table_task(arguments.images, arguments.task, arguments.seed)
    config = Config.preset("paper").with_values(seed=arguments.seed)
    result: dict[str, object] = {"images": len(truth), "seed": arguments.seed}
    with tempfile.TemporaryDirectory() as folder:
        with Session.open(Path(folder) / "s", images, config=config) as session:
            for label in START:
                session.label([name for name, given in start.items() if given == label], label)  # type: ignore[arg-type]
            session.rank(wait=True)
            result["left"] = sum(truth[name] == "anomaly" for name in truth if name not in start)
            result["linear head"] = anomalies_first(session, truth)
            session.train(wait=True)
            result["network"] = anomalies_first(session, truth)
        fused = config.with_values(order="fused")
        with Session.open(Path(folder) / "s", config=fused) as session:
            session.rank(wait=True)
            result["fused"] = anomalies_first(session, truth)
    for name, value in result.items():
        print(f"{name:14} {value}")
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
