"""Small pools of images for tests: discs, and a few rings among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def make_pool(folder: Path, *, images: int = 60, rings: int = 6, size: int = 32, seed: int = 0) -> list[str]:
    """Write a folder of JPEGs, of which the ids given back (the first ``rings``) are rings."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[:size, :size]
    for number in range(images):
        ring = number < rings
        radius = np.hypot(y - size / 2 - random.normal(0, 1.5), x - size / 2 - random.normal(0, 1.5))
        profile = np.exp(-np.square(radius - 0.27 * size * ring) / (0.015 * size**2))
        noisy = 230 * profile[..., None] * random.uniform(0.6, 1, 3) + random.normal(8, 4, (size, size, 3))
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / f"{number:04d}.jpg", quality=92)
    return [f"{number:04d}.jpg" for number in range(rings)]
