"""The features of a whole pool on disk, as one memory-mapped float16 table."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from anomalymatch_ui.errors import DamagedStoreError
from anomalymatch_ui.files import storage_errors, write_atomically
from anomalymatch_ui.score.scored import ScoredBatch


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
    memory. What was written when it is interrupted stays, and the next call goes on after it.

    Parameters
    ----------
    path
        Of the file.
    batches
        From :func:`~anomalymatch_ui.score.pipeline.score_pool`, from index :func:`rows_written` on.
    images, feature_count
        Shape of the table.
    advance
        Told after each batch how many images are done; it may raise to end the work.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    header, start = _header(images, feature_count), rows_written(path, images, feature_count)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Written as a stream: a memory map that is written to on a full disk kills the process.
        with path.open("r+b" if start else "wb") as file:
            if start:
                file.seek(len(header) + start * 2 * feature_count)
                file.truncate()  # a row that was cut off
            else:
                file.write(header)
            for batch in batches:
                rows = np.full((len(batch.asked), feature_count), np.nan, dtype=np.float16)
                rows[batch.indices - batch.asked.start] = batch.features
                file.write(rows.tobytes())
                file.flush()
                advance(batch.asked.stop)


def rows_written(path: Path, images: int, feature_count: int) -> int:
    """Count the whole rows of a table that :func:`write_embeddings` was interrupted at, or has finished.

    Parameters
    ----------
    path
        Of the file.
    images, feature_count
        Shape of the table; a file that was begun for another one counts as none.
    """
    header = _header(images, feature_count)
    try:
        with path.open("rb") as file:
            if file.read(len(header)) != header:
                return 0
            size = file.seek(0, io.SEEK_END) - len(header)
    except FileNotFoundError:
        return 0
    rows = size // (2 * feature_count)
    return rows if rows <= images else 0


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
            file.write(_header(images, columns))
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


def _header(images: int, feature_count: int) -> bytes:
    """Give what a ``.npy`` file of that shape begins with."""
    header = io.BytesIO()
    described = {"descr": "<f2", "fortran_order": False, "shape": (images, feature_count)}
    np.lib.format.write_array_header_1_0(header, described)
    return header.getvalue()
