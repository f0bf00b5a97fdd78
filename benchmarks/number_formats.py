"""What another number format of the network changes for whoever searches: other images come first.

For each task, the embedding in float32 and in bfloat16; then, for each seed, the linear head on the labels
that a search starts with: how many of the first 100 images differ, and the average precision of both.

    python benchmarks/number_formats.py --images DIR --json TASK.csv …

bfloat16 is emulated: products of bfloat16 numbers, summed in float32 and rounded to bfloat16 after each
layer, as hardware does. It is compared with torch's own bfloat16 on a few images.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from sklearn.metrics import average_precision_score
from torch import Tensor, nn

from anomalymatch_ui import Config, open_pool
from anomalymatch_ui.config import PartConfig, Symmetry
from anomalymatch_ui.evaluate import Task
from anomalymatch_ui.evaluate.machine import made_with
from anomalymatch_ui.learn import AnomalyNetwork, build_network, width
from anomalymatch_ui.pool import ImagePool, SubsetPool
from anomalymatch_ui.rank import Reduction, fit_instant
from anomalymatch_ui.session.look.sight import PARTS, Sight
from anomalymatch_ui.stream import Scorer, batch_ranges

SEEDS = (42, 76032, 730, 83209, 13798, 4538, 5923, 99271, 3762)
FIRST = 100
LABELS = ("anomaly", "nominal")
HEAD = Config().head
BATCH = 32
SIGHT = Sight("square", PARTS["centred"])
COMPARED = 8  # images that torch's own bfloat16 looks at, which takes a second each


class Rounding(Scorer):
    """A scorer in float32 that rounds to bfloat16 whatever passes from one layer to the next."""

    def __init__(self, network: AnomalyNetwork, device: torch.device, parts: Sequence[PartConfig]) -> None:
        super().__init__(network, device, parts=parts)
        backbone = self.network.backbone
        for module in backbone.modules():
            if isinstance(module, nn.Conv2d):
                for parameter in module.parameters():
                    parameter.copy_(rounded(parameter))
                module.register_forward_hook(round_output)
        for block in backbone._blocks:  # which adds what came in
            block.register_forward_hook(round_output)
        backbone._conv_stem.register_forward_pre_hook(lambda _stem, images: rounded(images[0]))


def rounded(values: Tensor) -> Tensor:
    return values.to(torch.bfloat16).float()


def round_output(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
    return rounded(output)


def features_of(scorer: Scorer, images: ImagePool, views: Symmetry, count: int | None = None) -> np.ndarray:
    """Return the features of images, float16 ``(count, features)``."""
    parts = batch_ranges(0, len(images) if count is None else count, BATCH)
    return np.concatenate(
        [scorer.score(images.read(part, scorer.image_size).pixels, views)[1] for part in parts]
    )


def look(images: ImagePool, views: Symmetry) -> tuple[dict[str, list[np.ndarray]], list[float]]:
    """Return the features of each part by format, and how far the emulation is from torch's own, by size.

    That is the mean difference of a feature of one from the other, as a share of their difference from
    float32.
    """
    cpu = torch.device("cpu")
    found: dict[str, list[np.ndarray]] = {"float32": [], "bfloat16": []}
    apart = []
    for one in SIGHT.looks:
        network, parts = build_network(one.network(Config()), 0), SIGHT.parts_of(one)
        stops = np.cumsum([width(network, part) for part in parts])[:-1]
        whole = features_of(Scorer(network, cpu, parts=parts), images, views)
        emulated = features_of(Rounding(network, cpu, parts), images, views)
        own = Scorer(network, cpu, number_format="bfloat16", parts=parts)
        native = features_of(own, images, views, COMPARED).astype(np.float32)
        found["float32"] += np.split(whole, stops, axis=1)
        found["bfloat16"] += np.split(emulated, stops, axis=1)
        off = np.abs(native - emulated[:COMPARED]).mean()
        apart.append(float(off / np.abs(native - whole[:COMPARED]).mean()))
    return found, apart


def embedding(features: list[np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Return the embedding of a pool, its components measured on ``rows``, as a session makes it."""
    components = Config().embedding.components
    reduced = [
        Reduction.of(table, rows, components=components, whitening=part.whitening)
        .scaled(part.weight)
        .apply(table)
        for part, table in zip(SIGHT.parts, features, strict=True)
    ]
    return np.concatenate(reduced, axis=1).astype(np.float32)


def compare(task: Task, ids: list[str], features: dict[str, list[np.ndarray]]) -> dict[str, object]:
    """Return what a format changes in the searches of a task."""
    row_of = {name: row for row, name in enumerate(ids)}
    pool = np.array([row_of[name] for name in task.pool])
    test = np.array([row_of[name] for name in task.test])
    truth = np.array([label == "anomaly" for label in task.test.values()])
    embeddings = {name: embedding(tables, pool) for name, tables in features.items()}
    same, precision = [], {name: [] for name in features}
    for seed in SEEDS:
        start = task.start(seed, 5, 50)
        labelled = {
            wanted: [row_of[name] for name, its in start.items() if its == wanted] for wanted in LABELS
        }
        left = np.setdiff1d(pool, [row_of[name] for name in start])
        first = {}
        for name, table in embeddings.items():
            anomalies, nominals = (np.array(labelled[label]) for label in ("anomaly", "nominal"))
            scores = fit_instant(table, anomalies, nominals, HEAD, seed=seed).scores(table)
            first[name] = set(left[np.argsort(-scores[left], kind="stable")[:FIRST]].tolist())
            precision[name].append(round(float(average_precision_score(truth, scores[test])), 4))
        same.append(len(first["float32"] & first["bfloat16"]))
    differences = np.subtract(precision["bfloat16"], precision["float32"])
    return {
        "of_the_first": FIRST,
        "the_same": same,
        "moved_mean": round(FIRST - float(np.mean(same)), 2),
        "moved_most": FIRST - min(same),
        "ap": precision,
        "ap_difference_mean": round(float(differences.mean()), 4),
        "ap_difference_largest": round(float(np.abs(differences).max()), 4),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", type=Path, nargs="+")
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--views", choices=get_args(Symmetry), default="square", help="of each image")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    tasks = [Task.read(path) for path in arguments.tasks]
    ids = sorted({name for task in tasks for name in (*task.pool, *task.test)})
    features, apart = look(SubsetPool(open_pool(arguments.images), ids), arguments.views)
    report = {
        **made_with(),
        "parts": [part.model_dump() for part in SIGHT.parts],
        "views": arguments.views,
        "images": len(ids),
        "emulation_off_by": [round(share, 4) for share in apart],
        "tasks": {task.name: compare(task, ids, features) for task in tasks},
    }
    print(json.dumps(report, indent=1) if arguments.json else report)


if __name__ == "__main__":
    main()
