"""The plain reference that the product is compared with, searched seed by seed by the same protocol.

Frozen EfficientNet-Lite0 features of one view, standardised over the pool, L2 logistic regression (C 0.001,
balanced classes), and the ten most likely images labelled after every round. Of the product it uses
the backbone, the reader of images and the protocol.

    python benchmarks/reference.py --images DIR --size 96 --out FOLDER TASK.csv …

writes ``FOLDER/reference-96px-TASK.json``, a report as of `anomalymatch benchmark`.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from anomalymatch_ui import Config, open_pool
from anomalymatch_ui.evaluate import CycleResult, Protocol, SeedResult, Task, measure_detection
from anomalymatch_ui.evaluate.machine import arithmetic, made_with
from anomalymatch_ui.learn import build_network, resolve_device
from anomalymatch_ui.pool import ImagePool, SubsetPool
from anomalymatch_ui.stream import Scorer, batch_ranges

SEEDS = (42, 76032, 730, 83209, 13798, 4538, 5923, 99271, 3762)
BATCH = 32


class Features:
    """Features of images by their names, each computed once.

    Parameters
    ----------
    images
        The whole folder.
    size
        Side in pixels at which the backbone sees an image.
    """

    def __init__(self, images: ImagePool, size: int) -> None:
        config = Config.preset("embedding")
        network = build_network(config.network.model_copy(update={"image_size": size}), config.seed)
        self._scorer = Scorer(network, resolve_device("cpu"))
        self._images, self._size = images, size
        self._known: dict[str, np.ndarray] = {}

    def of(self, names: list[str]) -> np.ndarray:
        """Return the features of images, float32 ``(len(names), features)``."""
        missing = [name for name in names if name not in self._known]
        pool = SubsetPool(self._images, missing) if missing else None
        for part in batch_ranges(0, len(pool) if pool else 0, BATCH):
            read = pool.read(part, self._size)
            if len(read.pixels) != len(part):
                raise SystemExit(f"An image among {pool.ids[part.start]} … cannot be read.")
            features = self._scorer.score(read.pixels)[1]
            self._known.update(zip((pool.ids[row] for row in part), features, strict=True))
        return np.stack([self._known[name] for name in names]).astype(np.float32)


def search(task: Task, features: Features, protocol: Protocol, seed: int) -> SeedResult:
    """Run one search of a task."""
    names = list(task.pool)
    pool, test = features.of(names), features.of(list(task.test))
    mean, deviation = pool.mean(axis=0), pool.std(axis=0)
    deviation[deviation < 1e-6] = 1
    pool, test = (pool - mean) / deviation, (test - mean) / deviation
    truth = np.array([label == "anomaly" for label in task.test.values()])
    is_anomaly = np.array([label == "anomaly" for label in task.pool.values()])
    row = {name: number for number, name in enumerate(names)}
    known = [row[name] for name in task.start(seed, protocol.start_anomalies, protocol.start_nominals)]
    result = SeedResult(seed)
    for cycle in range(protocol.cycles + 1):
        head = LogisticRegression(C=0.001, class_weight="balanced", max_iter=1000)
        head.fit(pool[known], is_anomaly[known])
        scores = head.predict_proba(pool)[:, 1]
        scores[known] = -1
        looked_at = np.argsort(-scores, kind="stable")[: protocol.per_cycle].tolist()
        known += looked_at
        result.discoveries.extend(is_anomaly[looked_at].tolist())
        measured = measure_detection(truth, head.predict_proba(test)[:, 1])
        found, viewed = sum(result.discoveries), len(result.discoveries)
        result.cycles.append(CycleResult(cycle, measured, found, viewed, 0.0, 0.0, 0.0))
    return result


def main() -> None:
    """Search each task and keep its report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", type=Path, nargs="+")
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    features, protocol = Features(open_pool(arguments.images), arguments.size), Protocol()
    for path in arguments.tasks:
        task = Task.read(path)
        seeds = [search(task, features, protocol, seed).as_dict() for seed in SEEDS]
        report = {
            "task": task.name,
            "preset": f"reference {arguments.size} px",
            "protocol": asdict(protocol),
            "arithmetic": arithmetic(Config(device="cpu")),
            "made_with": made_with(),
            "seeds": seeds,
        }
        target = arguments.out / f"reference-{arguments.size}px-{task.name}.json"
        target.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        for cycle in (0, 3):
            average = np.array([seed["cycles"][cycle]["ap"] for seed in seeds])
            print(f"{task.name}, cycle {cycle}: AP {average.mean():.3f} ± {average.std(ddof=1):.3f}")


if __name__ == "__main__":
    main()
