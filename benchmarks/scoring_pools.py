"""Pools for the scoring benchmark, made on the fly: large ones by many names for the same bytes."""

from __future__ import annotations

import io
import os
from pathlib import Path

import h5py
import numpy as np
import zarr
from PIL import Image

DISTINCT = 2000
"""Different images; a larger pool repeats them."""

CHUNK_IMAGES = 500
"""Images in a chunk of a Zarr store or HDF5 file."""


def draw(count: int, size: int) -> np.ndarray:
    """Draw noisy blobs, uint8 ``(count, size, size, 3)``."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size] / size - 0.5
    images = np.empty((count, size, size, 3), np.uint8)
    for image in images:
        blob = 200 * np.exp(-(np.square(x) + np.square(y)) / random.uniform(0.003, 0.03))
        noisy = blob[..., None] * random.uniform(0.5, 1, 3) + random.normal(20, 8, (size, size, 3))
        image[:] = noisy.clip(0, 255)
    return images


def write_folder(path: Path, count: int, size: int) -> Path:
    """Write JPEGs of about the bytes real cutouts have (2 kB at 64 px)."""
    path.mkdir()
    images = draw(min(count, DISTINCT), size)
    for number in range(count):
        name = path / f"{number:07d}.jpg"
        if number < len(images):
            content = io.BytesIO()
            Image.fromarray(images[number]).save(content, "JPEG", quality=90)
            name.write_bytes(content.getvalue())
        else:
            os.link(path / f"{number % len(images):07d}.jpg", name)
    return path


def write_hdf5(path: Path, count: int, size: int) -> Path:
    """Write an HDF5 file in the layout of GalaxyMNIST, not compressed, as that is not."""
    images = draw(min(count, DISTINCT), size)
    with h5py.File(path, "w") as file:
        rows = file.create_dataset("images", (count, size, size, 3), np.uint8)
        for start in range(0, count, len(images)):
            part = images[: count - start]
            rows[start : start + len(part)] = part
    return path


def write_zarr(path: Path, count: int, size: int) -> Path:
    """Write a Zarr store with Zarr's own compression; chunks after the first ones are links to them."""
    distinct = min(count, DISTINCT)
    rows = min(CHUNK_IMAGES, count)
    group = zarr.open_group(path, mode="w")
    array = group.create_array(
        "images", shape=(count, size, size, 3), chunks=(rows, size, size, 3), dtype="u1"
    )
    array[:distinct] = draw(distinct, size)
    chunks = path / "images" / "c"
    # Only of whole chunks, so that the last one is not longer than the array.
    whole = max(1, distinct // rows)
    for number in range(-(-distinct // rows), -(-count // rows)):
        (chunks / f"{number}" / "0" / "0").mkdir(parents=True)
        os.link(chunks / f"{number % whole}" / "0" / "0" / "0", chunks / f"{number}" / "0" / "0" / "0")
    return path


SUFFIXES = {"folder": "", "hdf5": ".h5", "zarr": ".zarr"}
WRITERS = {"folder": write_folder, "hdf5": write_hdf5, "zarr": write_zarr}


def write_pool(folder: Path, name: str, count: int, size: int) -> Path:
    """Write a pool of one of :data:`WRITERS`; give its path."""
    return WRITERS[name](folder / f"{name}-{size}-{count}{SUFFIXES[name]}", count, size)


def bytes_on_disk(path: Path, images: int) -> float:
    """Return how many bytes of the pool one image is, from a file or folder; links count as files."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / images
