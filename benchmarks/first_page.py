"""What the first page holds before anybody has labelled anything.

For each task: the anomalies among the first 60 images of its pool, by novelty, against what 60 images
drawn by chance would hold.

    python benchmarks/first_page.py --images DIR --json TASK.csv …
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from anomalymatch_ui import Config, Session, open_pool
from anomalymatch_ui.evaluate import Task
from anomalymatch_ui.evaluate.machine import arithmetic
from anomalymatch_ui.pool import SubsetPool

PAGE = 60


def measure(images: Path, table: Path, embeddings: Path) -> dict[str, float]:
    """Count the anomalies on the first page of a task's pool."""
    task = Task.read(table)
    pool = SubsetPool(open_pool(images), task.pool)
    config = Config.preset("default")
    with (
        tempfile.TemporaryDirectory() as folder,
        Session.open(Path(folder) / "s", pool, config=config, embeddings=embeddings) as session,
    ):
        session.rank(wait=True)
        shown = [pool.ids[index] for index in session.insight.listing().order[:PAGE]]
    found = sum(task.pool[name] == "anomaly" for name in shown)
    chance = PAGE * sum(label == "anomaly" for label in task.pool.values()) / len(task.pool)
    return {"found": found, "chance": round(chance, 2), "ratio": round(found / chance, 2)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", type=Path, nargs="+")
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--embeddings", type=Path, help="a folder that keeps the embeddings")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        kept = arguments.embeddings or Path(temporary)
        result = {table.stem: measure(arguments.images, table, kept) for table in arguments.tasks}
    mean = sum(row["ratio"] for row in result.values()) / len(result)
    report = {
        "arithmetic": arithmetic(Config.preset("default")),
        "tasks": result,
        "mean_ratio": round(mean, 2),
    }
    print(json.dumps(report, indent=1) if arguments.json else report)


if __name__ == "__main__":
    main()
