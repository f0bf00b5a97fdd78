"""A table on disk whose rows are written in any order, each with a checksum of its own."""

from __future__ import annotations

import contextlib
import io
import zlib
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from anomalymatch_ui.files import storage_errors
from anomalymatch_ui.score.table_on_disk import TableOnDisk

_BLOCK_BYTES = 1 << 24  # checked at one time when a table is opened


class RowTable:
    """Features of images, a row each; what was written is found again, whenever the process ended.

    The file is a ``.npy`` of records ``(sum, values)``. A row that was never written, is cut off or damaged
    counts as missing. One process may write at a time.

    Parameters
    ----------
    path
        Path of the file. One that was begun for another shape, or is damaged, is begun anew.
    images, columns, dtype
        Shape of the table, and what its values are; by default float16.

    Attributes
    ----------
    written
        Which rows are there, bool ``(images,)``.

    Raises
    ------
    StorageError
        If the disk refuses.
    """

    def __init__(self, path: Path, images: int, columns: int, dtype: str = "<f2") -> None:
        self._path = path
        self._dtype = np.dtype([("sum", "<u4"), ("values", dtype, (columns,))])
        header = _header(self._dtype, images)
        self._start = len(header)
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            known = _begins_with(path, header)
            # Written as a stream: a memory map that is written to on a full disk kills the process.
            self._file = path.open("r+b" if known else "w+b", buffering=0)
            if not known:
                self._file.write(header)
            self.written = self._whole_rows(images)

    @property
    def values(self) -> np.ndarray:
        """All rows, ``(images, columns)``, read when they are asked for; zeros where nothing was written.

        Raises ``StorageError`` if the disk refuses.
        """
        images = len(self.written)
        with storage_errors(self._path):
            self._file.truncate(self._start + images * self._dtype.itemsize)  # what is missing takes no room
            records = np.memmap(self._path, self._dtype, "r", self._start, (images,))
            return TableOnDisk.of(records["values"], self._path, self._start + self._dtype["sum"].itemsize)

    def write(self, rows: np.ndarray, values: np.ndarray) -> None:
        """Write some rows; they are there for another process when this returns.

        Parameters
        ----------
        rows
            Which, int64 ``(n,)``, each once.
        values
            Values of the table's dtype, ``(n, columns)``.

        Raises
        ------
        StorageError
            If the disk refuses; rows written before stay.
        """
        records = np.empty(len(rows), self._dtype)
        records["values"] = values
        records["sum"] = [
            _checksum(row, record) for row, record in zip(rows.tolist(), records["values"], strict=True)
        ]
        edges = np.flatnonzero(np.diff(rows) != 1) + 1
        with storage_errors(self._path):
            for run, part in zip(np.split(rows, edges), np.split(records, edges), strict=True):
                if len(run) == 0:
                    continue
                self._file.seek(self._start + int(run[0]) * self._dtype.itemsize)
                content = memoryview(part.tobytes())
                while content:  # a disk that fills up takes a part first, and says so at the next write
                    content = content[self._file.write(content) :]
                self.written[run] = True

    def close(self) -> None:
        """Let go of the file."""
        with contextlib.suppress(OSError):  # all of it was written before, or it was told
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _whole_rows(self, images: int) -> np.ndarray:
        whole = np.zeros(images, dtype=bool)
        at_once = max(1, _BLOCK_BYTES // self._dtype.itemsize)
        self._file.seek(self._start)
        for start in range(0, images, at_once):
            content = self._file.read(min(at_once, images - start) * self._dtype.itemsize)
            block = np.frombuffer(content, self._dtype, len(content) // self._dtype.itemsize)
            for at in np.flatnonzero(block["sum"]).tolist():
                whole[start + at] = block["sum"][at] == _checksum(start + at, block["values"][at])
        return whole


def _checksum(row: int, values: np.ndarray) -> int:
    """Return a checksum of a row in its place, which is never 0: a row that is missing has that."""
    return zlib.crc32(values.tobytes(), row & 0xFFFFFFFF) or 1


def _header(dtype: np.dtype, images: int) -> bytes:
    header = io.BytesIO()
    described = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": (images,),
    }
    np.lib.format.write_array_header_1_0(header, described)
    return header.getvalue()


def _begins_with(path: Path, header: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(header)) == header
    except FileNotFoundError:
        return False
