"""Images and a trainer so small that a step takes a moment."""

from __future__ import annotations

import numpy as np
import torch

from anomalymatch_ui.config import NetworkConfig, TrainConfig
from anomalymatch_ui.learn import Trainer, TrainingData, build_network

CPU = torch.device("cpu")
NETWORK = NetworkConfig(image_size=32, reads="end")
SMALL = TrainConfig(steps=6, labelled_batch=4, unlabelled_batch=6)


def random_images() -> TrainingData:
    """Three anomalies, seven nominal images and thirty without labels, of 32 px of noise."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (40, 3, 32, 32), dtype=np.uint8)
    return TrainingData(pixels[:10], np.arange(10) < 3, pixels[10:])


def rings_and_discs() -> TrainingData:
    """Four labelled images of each, and twenty rings before twenty discs without labels, of 64 px."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:64, :64]

    def draw(ring: bool) -> np.ndarray:
        radius = np.hypot(y - random.uniform(24, 40), x - random.uniform(24, 40))
        profile = np.exp(-np.square(radius - 14 * ring) / 18)
        return np.repeat((255 * profile).astype(np.uint8)[None], 3, axis=0)

    rings, discs = (np.stack([draw(ring) for _ in range(24)]) for ring in (True, False))
    return TrainingData(
        np.concatenate([rings[:4], discs[:4]]), np.arange(8) < 4, np.concatenate([rings[4:], discs[4:]])
    )


def make_trainer(
    data: TrainingData,
    *,
    seed: int = 1,
    cycle: int = 1,
    config: TrainConfig = SMALL,
    network: NetworkConfig = NETWORK,
    prevalence: float = 0.03,
) -> Trainer:
    """Return a trainer of :data:`NETWORK` that has not begun."""
    return Trainer(
        build_network(network, 0),
        None,
        config,
        data,
        device=CPU,
        seed=seed,
        cycle=cycle,
        symmetry="square",
        prevalence=prevalence,
    )
