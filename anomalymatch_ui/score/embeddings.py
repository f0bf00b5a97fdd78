"""The features of a whole pool on disk, as one memory-mapped float16 table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from anomalymatch_ui.errors import DamagedStoreError
from anomalymatch_ui.files import write_atomically
from anomalymatch_ui.score.pipeline import ScoredBatch


def write_embeddings(
    path: Path,
    batches: Iterable[ScoredBatch],
    *,
    images: int,
    feature_count: int,
    advance: Callable[[int], None],
) -> None:
    """Write the features of a pool's images as ``.npy``, float16 ``(images, feature_count)``.

    Rows of images that could not be read hold NaN. The table is written in order and never held in
    memory; the file appears only when it is complete.

    Parameters
    ----------
    path
        Of the file.
    batches
        From :func:`~anomalymatch_ui.score.pipeline.score_pool`, from index 0 on.
    images, feature_count
        Shape of the table.
    advance
        Told after each batch how many images are done; it may raise to end the work.

    Raises
    ------
    StorageError
        If the disk refuses.
    """

    def blocks() -> Iterator[np.ndarray]:
        for batch in batches:
            rows = np.full((len(batch.asked), feature_count), np.nan, dtype=np.float16)
            rows[batch.indices - batch.asked.start] = batch.features
            yield rows
            advance(batch.asked.stop)

    write_table(path, blocks(), images=images, columns=feature_count)


def write_table(path: Path, blocks: Iterable[np.ndarray], *, images: int, columns: int) -> None:
    """Write a float16 table ``(images, columns)`` as ``.npy``, whole or not at all, block by block.

    Raises
    ------
    StorageError
        If the disk refuses.
    """

    def write(temporary: Path) -> None:
        # Written as a stream: a memory map that is written to on a full disk kills the process.
        with temporary.open("wb") as file:
            _write_header(file, images, columns)
            for block in blocks:
                file.write(np.ascontiguousarray(block, dtype=np.float16).tobytes())

    write_atomically(path, write)


def open_embeddings(path: Path) -> np.ndarray:
    """Open what :func:`write_embeddings` wrote, memory-mapped and read-only.

    Raises
    ------
    DamagedStoreError
        If the file is damaged.
    """
    try:
        table: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DamagedStoreError(
            f"The features in {path} are damaged ({error}). Delete the file; they can be made again."
        ) from error
    return table


def _write_header(file: BinaryIO, images: int, feature_count: int) -> None:
    header = {"descr": "<f2", "fortran_order": False, "shape": (images, feature_count)}
    np.lib.format.write_array_header_1_0(file, header)
