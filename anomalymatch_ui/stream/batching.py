"""How many images at one time: measured, not computed, for no formula knows caches and allocators."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from anomalymatch_ui.config import ScoreConfig, Symmetry
from anomalymatch_ui.learn import is_out_of_memory
from anomalymatch_ui.limits import memory_limit
from anomalymatch_ui.stream.scorer import Scorer
from anomalymatch_ui.stream.torch_threads import compute_in_one_thread

CPU_BATCHES = (16, 32, 64, 128, 256)
GPU_BATCHES = (64, 128, 256, 512, 1024, 2048, 4096)

# Without a trial: what was fastest, or nearly, on the machines it was tried on.
_CPU_BATCH = 32
_GPU_BATCH = 512

# A trial takes as long as some 1,000 images on a CPU: too long for a pool of a few thousand.
_CPU_TRIAL_FROM = 20_000
_GPU_TRIAL_FROM = 100_000

SMALLEST_BATCH = 8
"""Images of a batch at the least, however little memory there is: OpenVINO takes so many."""

# Of one image while torch computes an EfficientNet-Lite0, for each pixel: the first blocks' maps in float32.
# Other networks take two or three times as much, which the share leaves room for.
_BYTES_OF_A_PIXEL = 250
_SHARE_OF_MEMORY = 0.25

# A smaller batch that is nearly as fast takes less memory.
_AS_GOOD = 0.97

# Where the rate has fallen this far below the best, larger batches will not come back.
_FALLEN = 0.9

_LONGEST_SECONDS = 1.0
_TURNS = 3

_found: dict[tuple[str, Symmetry], int] = {}
_lock = threading.Lock()


def batch_size_for(config: ScoreConfig, scorer: Scorer, images: int, symmetry: Symmetry) -> int:
    """Return the setting, or what :func:`fastest_batch_size` finds, or for a small pool the usual number.

    Found once in a process for a network of one kind on one device.

    Parameters
    ----------
    config
        Its ``batch_size`` is taken if it is not 0.
    scorer
        The network on its device.
    images
        How many there are to score.
    symmetry
        The views of each.
    """
    if config.batch_size:
        return config.batch_size
    if images < (_CPU_TRIAL_FROM if scorer.device.type == "cpu" else _GPU_TRIAL_FROM):
        usual = usual_batch_size(scorer.device.type)
        return min(usual, largest_batch(scorer.image_size)) if scorer.device.type == "cpu" else usual
    with _lock:
        key = (scorer.name, symmetry)
        if key not in _found:
            _found[key] = fastest_batch_size(scorer, symmetry)
        return _found[key]


def usual_batch_size(device: str) -> int:
    """Return the number to begin with on a type of device, such as ``"cpu"``, without a trial."""
    return _CPU_BATCH if device == "cpu" else _GPU_BATCH


def largest_batch(side: int) -> int:
    """Return how many images of a side, in pixels, each thread of a CPU has the memory to compute."""
    together = torch.get_num_threads() * _BYTES_OF_A_PIXEL * side**2
    return max(SMALLEST_BATCH, int(_SHARE_OF_MEMORY * memory_limit() / together))


def fastest_batch_size(scorer: Scorer, symmetry: Symmetry = "none") -> int:
    """Measure which batch the network is fastest with, on random images.

    On a CPU as many batches run at one time as scoring runs. Sizes grow until the rate falls, a batch
    takes over a second, or the device's memory is used up; on a CPU no larger than the memory of this
    process, or of its control group, allows for.

    Parameters
    ----------
    scorer
        The network on its device.
    symmetry
        The views of each image.
    """
    if scorer.device.type != "cpu":
        return fastest(GPU_BATCHES, lambda size: _seconds_of(scorer, size, symmetry), at_once=1)
    workers = torch.get_num_threads()
    with ThreadPoolExecutor(workers, initializer=compute_in_one_thread) as executor:

        def seconds(size: int) -> float:
            return max(executor.map(lambda _: _seconds_of(scorer, size, symmetry), range(workers)))

        largest = largest_batch(scorer.image_size)
        sizes = tuple(size for size in CPU_BATCHES if size <= largest) or (largest,)
        return fastest(sizes, seconds, at_once=workers)


def fastest(sizes: tuple[int, ...], seconds: Callable[[int], float], at_once: int) -> int:
    """Return the smallest size whose rate is next to the best.

    Parameters
    ----------
    sizes
        To try, ascending.
    seconds
        Measures how long ``at_once`` batches of a size take that run at one time; it may raise an error
        of memory that is used up.
    at_once
        How many batches that is.
    """
    rates: dict[int, float] = {}
    for size in sizes:
        try:
            seconds(size)  # the first turn allocates
            shortest = min(seconds(size) for _ in range(_TURNS))
        except RuntimeError as error:
            if not is_out_of_memory(error) or not rates:
                raise
            break
        rates[size] = at_once * size / shortest
        if shortest > _LONGEST_SECONDS or rates[size] < _FALLEN * max(rates.values()):
            break
    best = max(rates.values())
    return min(size for size, rate in rates.items() if rate >= _AS_GOOD * best)


def _seconds_of(scorer: Scorer, size: int, symmetry: Symmetry) -> float:
    side = scorer.image_size
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (size, side, side, scorer.network.bands), np.uint8).transpose(0, 3, 1, 2)
    on_device = torch.from_numpy(pixels).to(scorer.device)
    if scorer.device.type == "cuda":
        torch.cuda.synchronize(scorer.device)
    started = time.perf_counter()
    # Not by `score`, which would hide in two halves that the memory is used up.
    scores, features = scorer.launch_whole(on_device, symmetry)
    scores.cpu()
    features.cpu()
    return time.perf_counter() - started
