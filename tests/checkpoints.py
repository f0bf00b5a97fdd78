"""Small models for tests: untrained, but with scores that spread over (0, 1)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from anomalymatch_ui.config import NetworkConfig, TrainConfig
from anomalymatch_ui.learn import AnomalyNetwork, Trainer, TrainingData, build_network, save_checkpoint


def make_network(seed: int = 0) -> AnomalyNetwork:
    """Build a network that sees 32 px; another seed draws another head."""
    return build_network(NetworkConfig(image_size=32, head_scale=0.1), seed=seed)


def make_checkpoint(path: Path, seed: int = 0) -> Path:
    """Write such a network as the checkpoint of a finished cycle."""
    pixels = np.zeros((4, 3, 32, 32), np.uint8)
    data = TrainingData(pixels, np.arange(4) < 2, pixels)
    settings = TrainConfig(labelled_batch=2, unlabelled_batch=2)
    trainer = Trainer(make_network(seed), None, settings, data, device=torch.device("cpu"), seed=seed)
    save_checkpoint(path, trainer, steps=0)
    return path
