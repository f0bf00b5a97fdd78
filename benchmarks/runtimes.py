"""How fast OpenVINO computes a frozen network on a CPU, beside torch: processor time of one thread, in turn.

    OMP_NUM_THREADS=1 python benchmarks/runtimes.py --json benchmarks/results/runtimes-cpu.json

Random pixels; both give the embedding's features of the same images, and their largest difference is told.
Times are of the process, so that other programs count for little, and the medians of turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
import torch

from anomalymatch_ui.config import NetworkConfig, PartConfig
from anomalymatch_ui.learn import build_network
from anomalymatch_ui.stream import Scorer

CASES = (
    ("efficientnet-lite0", 64, ("last",)),
    ("efficientnet-lite0", 96, (7, 10)),
    ("efficientnet-lite0", 96, ("last",)),
    ("efficientnet-lite2", 160, ("last",)),
)
"""Backbone, side in pixels, layers: what the embeddings of the sky and of photographs take, and scores."""


def measure(
    name: str, side: int, layers: tuple[int | str, ...], images: int, turns: int
) -> dict[str, object]:
    """Let both compute the same images in turn."""
    network = build_network(NetworkConfig(name=name, image_size=side), seed=0)
    parts = [PartConfig(layers=layers, size=side)]
    scorers = {
        runtime: Scorer(network, torch.device("cpu"), parts=parts, runtime=runtime)
        for runtime in ("torch", "openvino")
    }
    pixels = np.random.default_rng(0).integers(0, 255, (images, 3, side, side), np.uint8)
    features = {
        runtime: scorer.score(pixels, "none")[1] for runtime, scorer in scorers.items()
    }  # warms up, too
    seconds: dict[str, list[float]] = {runtime: [] for runtime in scorers}
    for _ in range(turns):
        for runtime, scorer in scorers.items():
            started = time.process_time()
            scorer.score(pixels, "none")
            seconds[runtime].append(time.process_time() - started)
    medians = {runtime: statistics.median(of_turns) / images for runtime, of_turns in seconds.items()}
    apart = np.abs(np.asarray(features["torch"]) - np.asarray(features["openvino"])).max()
    return {
        "network": name,
        "side": side,
        "layers": list(layers),
        "computed_by": {runtime: str(scorer.runtime) for runtime, scorer in scorers.items()},
        "milliseconds_an_image": {runtime: round(1000 * value, 3) for runtime, value in medians.items()},
        "ratio": round(medians["torch"] / medians["openvino"], 2),
        "ratios_of_turns": [
            round(torchs / ours, 2)
            for torchs, ours in zip(seconds["torch"], seconds["openvino"], strict=True)
        ],
        "largest_difference": float(apart),
    }


def main() -> None:
    """Measure each case, print, and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--json", type=Path, help="file for the result")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [measure(*case, options.images, options.turns) for case in CASES]
    for row in rows:
        print(json.dumps(row), flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
