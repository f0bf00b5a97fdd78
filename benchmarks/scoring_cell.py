"""One measurement of the scoring benchmark, in a process of its own, so that its peak memory is its own.

Reads a :class:`Cell` as JSON from standard input, and ends standard output with its figures as JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from anomalymatch_ui.config import NetworkConfig, ScoreConfig
from anomalymatch_ui.learn import AnomalyNetwork, build_network, resolve_device
from anomalymatch_ui.pool import ImagePool, open_pool
from anomalymatch_ui.stream import Scorer, StageClock, score_pool
from anomalymatch_ui.stream.batching import batch_size_for
from anomalymatch_ui.stream.memory import peak_megabytes

NAIVE_BATCH = 1000
WARM_UP = 2048


@dataclass(frozen=True)
class Cell:
    """What is measured.

    Attributes
    ----------
    path, format
        The pool.
    size
        Side of its images and of the network's, in pixels.
    device, compiled, batch_size
        As in the settings; a batch size of 0 is measured, whatever the pool's size.
    repeats
        Turns, of which the median counts.
    naive_images
        Images of a turn of the naive reference; 0 leaves it out.
    """

    path: str
    format: str
    size: int
    device: str = "auto"
    compiled: bool = False
    batch_size: int = 0
    repeats: int = 3
    naive_images: int = 0


@torch.inference_mode()
def score_naively(pool: ImagePool, network: AnomalyNetwork, device: torch.device, images: int) -> np.ndarray:
    """Score with one thread that reads and decodes, and float32 NCHW batches of 1,000."""
    network = network.to(device).eval()
    scores = []
    for start in range(0, images, NAIVE_BATCH):
        batch = pool.read(range(start, min(start + NAIVE_BATCH, images)), network.config.image_size)
        pixels = (torch.from_numpy(batch.pixels).to(device).float() / 255).contiguous()
        scores.append(torch.softmax(network(pixels), dim=1)[:, 1].cpu().numpy())
    return np.concatenate(scores)


class Run:
    """The product and the reference on one pool."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.device = resolve_device(cell.device)
        self.pool = open_pool(cell.path)
        self.network = build_network(NetworkConfig(image_size=cell.size), seed=0)
        config = ScoreConfig(compiled=cell.compiled, batch_size=cell.batch_size)
        self.scorer = Scorer(self.network, self.device, compiled=cell.compiled, runtime=config.runtime)
        batch_size = batch_size_for(config, self.scorer, max(len(self.pool), 10**6), "none")
        self.config = config.model_copy(update={"batch_size": batch_size})

    def difference(self) -> float:
        """Return by how much the product's scores differ from the reference's at most."""
        images = min(self.cell.naive_images, NAIVE_BATCH)
        scored = score_pool(
            self.pool, self.network, self.config, device=self.device, stop=images, scorer=self.scorer
        )
        product = np.concatenate([batch.scores for batch in scored])
        return float(np.abs(product - score_naively(self.pool, self.network, self.device, images)).max())

    def product(self, images: int, clock: StageClock | None = None) -> float:
        """Score the first images; give how many a second. The scores are not kept, as by a store."""
        started = time.perf_counter()
        read = 0
        for batch in score_pool(
            self.pool,
            self.network,
            self.config,
            device=self.device,
            stop=images,
            scorer=self.scorer,
            clock=clock,
        ):
            read += len(batch.indices)
        if read != images:
            raise RuntimeError(f"{images - read} images could not be read: {self.pool.report.sentence()}")
        return images / (time.perf_counter() - started)

    def naive(self) -> float:
        """Score by the reference; give images a second."""
        started = time.perf_counter()
        score_naively(self.pool, self.network, self.device, self.cell.naive_images)
        return self.cell.naive_images / (time.perf_counter() - started)


def measure(cell: Cell) -> dict[str, Any]:
    """Measure one cell; product and reference take turns."""
    run = Run(cell)
    run.product(min(WARM_UP, len(run.pool)))
    rates: list[float] = []
    naive_rates: list[float] = []
    clock = StageClock()
    peak = 0.0
    for turn in range(cell.repeats):
        clock = StageClock()
        rates.append(run.product(len(run.pool), clock))
        if turn == 0:  # before the reference, which takes more
            peak = peak_megabytes()
        if cell.naive_images:
            if turn == 0:
                difference = run.difference()  # warms the reference up
            naive_rates.append(run.naive())
    figures = asdict(cell) | {
        "images": len(run.pool),
        "device": _device_name(run.device),
        "dtype": str(run.scorer.dtype).removeprefix("torch."),
        "runtime": str(run.scorer.runtime),
        "batch_size": run.config.batch_size,
        "threads": torch.get_num_threads(),
        "images_per_second": round(statistics.median(rates), 1),
        "shares": {stage: round(share, 3) for stage, share in clock.shares().items()},
        "peak_megabytes": round(peak, 1),
    }
    if naive_rates:
        naive = statistics.median(naive_rates)
        figures["naive_images_per_second"] = round(naive, 1)
        figures["largest_difference"] = difference
        figures["ratio"] = round(statistics.median(rates) / naive, 2)
    if run.device.type == "cuda":
        figures["peak_gpu_megabytes"] = round(torch.cuda.max_memory_allocated(run.device) / 2**20, 1)
    return figures


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


if __name__ == "__main__":
    cell = Cell(**json.load(sys.stdin))
    if not Path(cell.path).exists():
        sys.exit(f"There is no pool {cell.path}.")
    print(json.dumps(measure(cell)))
