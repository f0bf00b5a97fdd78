"""Torch's own random numbers, of which a process has one generator a device for all its threads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import numpy as np
import torch
from torch import Generator

_one_at_a_time = threading.Lock()


@contextlib.contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Let initialisation and dropout draw from ``seed`` meanwhile, and put the generators back.

    Another thread that asks for the same waits: two sessions of one notebook would draw from each other's
    seed. Generators of other devices are left alone, which ``torch.manual_seed`` does not.

    Parameters
    ----------
    seed
        Seed of the generators of the CPU and of ``device``.
    device
        Where else random numbers are drawn, if not on the CPU alone.
    """
    with _one_at_a_time, torch.random.fork_rng(devices=[]), _forked(seed, device):
        torch.default_generator.manual_seed(seed)
        yield


@contextlib.contextmanager
def _forked(seed: int, device: torch.device | None) -> Iterator[None]:
    """Seed the generator of a GPU meanwhile."""
    if device is not None and device.type == "cuda":
        with torch.random.fork_rng(devices=[device]), torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
            yield
    elif device is not None and device.type == "mps":
        before = torch.mps.get_rng_state()
        torch.mps.manual_seed(seed)
        try:
            yield
        finally:
            torch.mps.set_rng_state(before)
    else:
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
