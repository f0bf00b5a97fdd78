"""Small archives of the form of GalaxyMNIST's."""

from __future__ import annotations

import gzip
import hashlib
import io
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from anomalymatch_ui.demo import galaxies

TRAIN_IMAGES, TEST_IMAGES = 120, 40


def draw_galaxies(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images uint8 ``(count, 64, 64, 3)`` and classes; class 2 is thin, the others are round."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:64, :64] - 32
    labels = np.arange(count) % 4
    images = np.empty((count, 64, 64, 3), np.uint8)
    for image, label in zip(images, labels, strict=True):
        height = 2.5 if label == 2 else random.uniform(8, 12)
        profile = np.exp(-np.square(x / 12) - np.square(y / height))
        image[:] = (200 * profile[..., None] + random.normal(10, 4, (64, 64, 3))).clip(0, 255)
    return images, labels


def compress(images: np.ndarray, labels: np.ndarray) -> bytes:
    """Return the bytes of a gzipped HDF5 file of these images and labels."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("images", data=images)
        file.create_dataset("labels", data=labels)
    return gzip.compress(buffer.getvalue(), mtime=0)


def write_archives(folder: Path) -> None:
    """Write both archives."""
    folder.mkdir(parents=True, exist_ok=True)
    for archive, count, seed in ((galaxies.TRAIN, TRAIN_IMAGES, 0), (galaxies.TEST, TEST_IMAGES, 1)):
        (folder / archive.name).write_bytes(compress(*draw_galaxies(count, seed)))


def publish(folder: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the archives in a folder be the published ones, at an address."""
    for name in ("TRAIN", "TEST"):
        archive = getattr(galaxies, name)
        md5 = hashlib.md5((folder / archive.name).read_bytes()).hexdigest()
        published = replace(archive, address=f"{address}/{archive.name}", md5=md5)
        monkeypatch.setattr(galaxies, name, published)
