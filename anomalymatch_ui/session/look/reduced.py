"""An embedding on disk: the table, and beside it the reductions that features went through to become it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np

from anomalymatch_ui.errors import DamagedStoreError
from anomalymatch_ui.files import write_atomically
from anomalymatch_ui.rank import Reduction
from anomalymatch_ui.score import open_embeddings, write_table
from anomalymatch_ui.sealed import UNREADABLE


def projection(path: Path) -> Path:
    """Return the file of the reductions that belong to a table."""
    return path.with_suffix(".npz")


def write_reduced(path: Path, tables: list[np.ndarray], reductions: list[Reduction]) -> np.ndarray:
    """Write the embedding from the features of each part."""
    images, columns = len(tables[0]), sum(reduction.axes.shape[1] for reduction in reductions)

    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, images, 4096):
            rows = slice(start, start + 4096)
            parts = [r.apply(table[rows]) for r, table in zip(reductions, tables, strict=True)]
            block = np.concatenate(parts, axis=1)
            block[np.isnan(block).any(axis=1)] = np.nan  # one size could be read, and another could not
            yield block

    write_table(path, blocks(), images=images, columns=columns)
    return open_embeddings(path)


def save_reductions(path: Path, reductions: list[Reduction]) -> None:
    """Write reductions, whole or not at all. Raises ``StorageError`` if the disk refuses."""
    arrays = {}
    for number, reduction in enumerate(reductions):
        arrays[f"axes{number}"], arrays[f"offset{number}"] = reduction.axes, reduction.offset

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, **cast(Any, arrays))

    write_atomically(path, write)


def load_reductions(path: Path) -> list[Reduction]:
    """Read what :func:`save_reductions` wrote. Raises ``DamagedStoreError`` if it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as saved:
            count = len(saved.files) // 2
            return [Reduction(saved[f"axes{n}"], saved[f"offset{n}"]) for n in range(count)]
    except UNREADABLE as error:
        raise DamagedStoreError(
            f"{path} is damaged ({error}). Delete it; the embedding can be made again."
        ) from error
