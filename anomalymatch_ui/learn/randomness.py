"""Torch's own random numbers, of which a process has one generator for all its threads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Generator

_one_at_a_time = threading.Lock()


@contextlib.contextmanager
def seeded(seed: int, devices: Sequence[torch.device] = ()) -> Iterator[None]:
    """Let initialisation and dropout draw from ``seed`` meanwhile, and put the generators back.

    Another thread that asks for the same waits: two sessions of one notebook would draw from each other's
    seed.

    Parameters
    ----------
    seed
        Of the generators of the CPU and of ``devices``.
    devices
        CUDA devices that are drawn on.
    """
    with _one_at_a_time, torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def step_randomness(*numbers: int) -> tuple[Generator, int]:
    """Return a CPU generator and a seed for dropout that depend on these numbers alone.

    Parameters
    ----------
    numbers
        What names a step, such as the seed, the cycle and the step: a step that is taken again, after a stop
        or a crash, then draws what it drew.
    """
    words = np.random.SeedSequence(numbers).generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(words[0])), int(words[1])
