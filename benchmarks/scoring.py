"""Images scored per second from a folder of JPEGs, beside the naive reference, in the same run.

The naive reference reads with one thread, then runs the network in float32, NCHW, in batches of 1,000.
Both give the same network the same pixels. The two take turns, and the medians are compared.

    python benchmarks/scoring.py --json
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from anomalymatch_ui.config import NetworkConfig, ScoreConfig
from anomalymatch_ui.learn import AnomalyNetwork, build_network, inference_dtype, resolve_device
from anomalymatch_ui.pool import ImagePool, open_pool
from anomalymatch_ui.score import score_pool

NAIVE_BATCH = 1000


def make_images(folder: Path, count: int, size: int) -> None:
    """Write noisy blobs as JPEGs of about the size real cutouts have (2 kB at 64 px)."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size] / size - 0.5
    for number in range(count):
        width = random.uniform(0.003, 0.03)
        blob = 200 * np.exp(-(np.square(x) + np.square(y)) / width)
        noisy = blob[..., None] * random.uniform(0.5, 1, 3) + random.normal(20, 8, (size, size, 3))
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / f"{number:06d}.jpg", quality=90)


def score(pool: ImagePool, network: AnomalyNetwork, device: torch.device) -> np.ndarray:
    """Score the pool as the product does."""
    return np.concatenate([batch.scores for batch in score_pool(pool, network, ScoreConfig(), device=device)])


@torch.inference_mode()
def score_naively(pool: ImagePool, network: AnomalyNetwork, device: torch.device) -> np.ndarray:
    """Score the pool with one decoding thread and float32 NCHW batches of 1,000."""
    network = network.to(device).eval()
    scores = []
    for start in range(0, len(pool), NAIVE_BATCH):
        batch = pool.read(range(start, min(start + NAIVE_BATCH, len(pool))), network.config.image_size)
        images = (torch.from_numpy(batch.pixels).to(device).float() / 255).contiguous()
        scores.append(torch.softmax(network(images), dim=1)[:, 1].cpu().numpy())
    return np.concatenate(scores)


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, help="folder of images; synthetic ones if not given")
    parser.add_argument("--count", type=int, default=3000, help="number of synthetic images")
    parser.add_argument("--size", type=int, default=64, help="side of the images, in pixels")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    device = resolve_device(arguments.device)
    network = build_network(NetworkConfig(image_size=arguments.size), seed=0)
    with tempfile.TemporaryDirectory() as folder:
        if arguments.images is None:
            make_images(Path(folder), arguments.count, arguments.size)
        pool = open_pool(arguments.images or Path(folder))
        rates: dict[str, list[float]] = {"product": [], "naive": []}
        results = {}
        for _ in range(arguments.repeats + 1):  # the first turn warms up
            for name, run in (("product", score), ("naive", score_naively)):
                started = time.perf_counter()
                results[name] = run(pool, network, device)
                rates[name].append(len(pool) / (time.perf_counter() - started))
    product, naive = (statistics.median(rates[name][1:]) for name in ("product", "naive"))
    figures = {
        "images_per_second": round(product, 1),
        "naive_images_per_second": round(naive, 1),
        "ratio": round(product / naive, 2),
        "images": len(pool),
        "size": arguments.size,
        "device": str(device),
        "dtype": str(inference_dtype(device)).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "largest_difference": float(np.abs(results["product"] - results["naive"]).max()),
    }
    for name, value in figures.items():
        print(f"{name:24} {value}")
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
