"""The features of a whole pool on disk, as one float16 table."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from anomalymatch_ui.errors import DamagedStoreError
from anomalymatch_ui.files import write_atomically
from anomalymatch_ui.score.table_on_disk import TableOnDisk
from anomalymatch_ui.sealed import UNREADABLE, is_damaged, seal


def write_table(path: Path, blocks: Iterable[np.ndarray], *, images: int, columns: int) -> None:
    """Write a float16 table ``(images, columns)`` as ``.npy``, whole or not at all, block by block.

    It ends with a checksum, which NumPy passes over.

    Raises
    ------
    StorageError
        If the disk refuses.
    """

    def write(temporary: Path) -> None:
        # Written as a stream: a memory map that is written to on a full disk kills the process.
        with temporary.open("wb") as file:
            header = _header(images, columns)
            checksum = zlib.crc32(header)
            file.write(header)
            for block in blocks:
                content = np.ascontiguousarray(block, dtype=np.float16).tobytes()
                checksum = zlib.crc32(content, checksum)
                file.write(content)
            file.write(seal(checksum))

    write_atomically(path, write)


def open_embeddings(path: Path) -> np.ndarray:
    """Open what :func:`write_table` wrote, read-only, if it is as it was written.

    Rows are read when they are asked for; see :class:`~anomalymatch_ui.score.table_on_disk.TableOnDisk`.

    Raises
    ------
    DamagedStoreError
        If the file is damaged.
    """
    try:
        if is_damaged(path):
            raise ValueError("its checksum is another one")
        mapped: np.memmap = np.load(path, mmap_mode="r", allow_pickle=False)
        table = TableOnDisk.of(mapped, path, mapped.offset)
    except UNREADABLE as error:
        raise DamagedStoreError(
            f"The features in {path} are damaged ({error}). Delete the file; they can be made again."
        ) from error
    return table


def _header(images: int, columns: int) -> bytes:
    """Return what a ``.npy`` file of that shape begins with."""
    header = io.BytesIO()
    described = {"descr": "<f2", "fortran_order": False, "shape": (images, columns)}
    np.lib.format.write_array_header_1_0(header, described)
    return header.getvalue()
