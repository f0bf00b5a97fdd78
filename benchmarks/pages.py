"""What large pages of memory are worth to a CPU: a training step and scoring, with them and without, in turn.

    python benchmarks/pages.py --out pages.json

Preset `default`, in one thread of a process of its own for each measurement, on random pixels. Where
`/sys/kernel/mm/transparent_hugepage/enabled` is not `madvise`, the two are the same.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from anomalymatch_ui.stream.memory import peak_megabytes

VARIABLE = "THP_MEM_ALLOC_ENABLE"
WARM_UP, STEPS, SCORED = 2, 8, 512


def measure_here(steps: int = STEPS, scored_images: int = SCORED) -> dict[str, float]:
    """Train some steps and score some images, at least 96, in this process."""
    import numpy as np
    import torch

    from anomalymatch_ui.config import Config
    from anomalymatch_ui.learn import Trainer, TrainingData, build_network
    from anomalymatch_ui.stream import Scorer

    torch.set_num_threads(1)
    config, cpu = Config.preset("default"), torch.device("cpu")
    network = build_network(config.network.suited("square", "middle"), seed=0)  # of the sky: 96 px
    random, side = np.random.default_rng(0), network.image_size
    pixels = random.integers(0, 255, (scored_images, 3, side, side), np.uint8)
    data = TrainingData(pixels[:55], np.arange(55) < 5, pixels)
    trainer = Trainer(network, None, config.train, data, device=cpu, seed=0)
    trainer.run(WARM_UP)
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    trainer.run(WARM_UP + steps)
    trained = time.perf_counter()
    after = resource.getrusage(resource.RUSAGE_SELF)
    scorer = Scorer(network, cpu)
    for start in range(0, scored_images, 32):
        if start == 64:
            scoring = time.perf_counter()
        scorer.score(pixels[start : start + 32], "none")
    scored = time.perf_counter()
    return {
        "step_seconds": (trained - started) / steps,
        "step_system_seconds": (after.ru_stime - before.ru_stime) / steps,
        "step_page_faults": (after.ru_minflt - before.ru_minflt) / steps,
        "images_per_second": (scored_images - 64) / (scored - scoring),
        "peak_megabytes": peak_megabytes(),
    }


def measure(large: bool) -> dict[str, float]:
    """Measure in a process of its own."""
    environment = os.environ | {VARIABLE: "1" if large else "0", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--here"]
    answer = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(answer.stdout)
    print("large" if large else "usual", figures, file=sys.stderr, flush=True)
    return figures


def main() -> None:
    """Measure both in turn, print, and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, default=STEPS, help="with --here")
    parser.add_argument("--images", type=int, default=SCORED, help="scored, at least 96, with --here")
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    if options.here:
        print(json.dumps(measure_here(options.steps, options.images)))
        return
    turns = [{"usual": measure(False), "large": measure(True)} for _ in range(options.turns)]
    result: dict[str, Any] = {"turns": options.turns}
    for pages in ("usual", "large"):
        result[pages] = {
            name: {
                "median": round(statistics.median(turn[pages][name] for turn in turns), 3),
                "all": [round(turn[pages][name], 3) for turn in turns],
            }
            for name in turns[0][pages]
        }
    print(json.dumps(result, indent=1))
    if options.out is not None:
        options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
