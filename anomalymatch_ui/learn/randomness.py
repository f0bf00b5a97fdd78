"""Torch's own random numbers, of which a process has one generator for all its threads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence

import torch

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
