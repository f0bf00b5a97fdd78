"""A table in a file whose rows are read, not mapped: what was read takes no memory afterwards."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from anomalymatch_ui.errors import StorageError

_BLOCK_BYTES = 1 << 22  # read at one time where not all that is read is kept


class TableOnDisk(np.memmap):
    """A table ``(rows, columns)`` mapped from a file. Indexing it by rows reads them, as a copy.

    The pages of a map count as this process's memory as soon as they are touched, so all of a table after
    one pass over it. To read a gigabyte that the system holds takes 0.12 s, to touch its pages hardly less.
    What is not an index of rows sees the map, as with any array on disk; columns that follow each other are
    a table on disk, too.
    """

    _reader: _Reader | None

    @classmethod
    def of(cls, mapped: np.ndarray, path: Path, offset: int) -> np.ndarray:
        """Read the rows of a map ``(rows, columns)`` from its file.

        Parameters
        ----------
        mapped
            The map, or one field of its records.
        path
            Path of the file.
        offset
            Bytes before the first number of the table.
        """
        if mapped.strides[1] != mapped.itemsize or not hasattr(os, "preadv"):
            return mapped
        table = mapped.view(cls)
        table._reader = _Reader(_File(path), offset, mapped.strides[0], mapped.shape[1], mapped.dtype)
        return table

    @property
    def read_into(self) -> Callable[[np.ndarray, int], None] | None:
        """Fills an array ``(n, columns)`` of the table's dtype from a row on; ``None`` for what is a map."""
        return None if self._reader is None else self._reader.fill

    def __array_finalize__(self, obj: Any) -> None:
        super().__array_finalize__(obj)
        self._reader = None  # a part of a table has rows of its own

    def __getitem__(self, key: Any) -> Any:
        reader, count = self._reader, len(self) if self.ndim else 0
        if reader is None:
            return super().__getitem__(key)
        rows, columns = key if isinstance(key, tuple) and len(key) == 2 else (key, None)
        in_pairs = isinstance(rows, np.ndarray) and isinstance(columns, np.ndarray | list)
        if in_pairs or (columns is None and rows is not key):
            return super().__getitem__(key)
        if isinstance(columns, slice) and columns.step in (None, 1) and _is_whole(rows):
            part = super().__getitem__(key)
            part._reader = reader.of_columns(range(*columns.indices(self.shape[1])))
            return part
        if isinstance(rows, slice):
            wanted = range(*rows.indices(count))
            if columns is None and wanted.step == 1:
                return reader.run(wanted.start, len(wanted))
            rows = np.arange(wanted.start, wanted.stop, wanted.step)
        elif isinstance(rows, np.ndarray) and rows.dtype == bool and rows.shape == (count,):
            rows = np.flatnonzero(rows)
        elif not (isinstance(rows, np.ndarray) and rows.ndim == 1 and rows.dtype.kind in "iu"):
            return super().__getitem__(key)
        if len(rows) and not -count <= rows.min() <= rows.max() < count:
            raise IndexError(f"Rows {rows.min()} to {rows.max()} were asked of a table of {count}.")
        rows = np.where(rows < 0, rows + count, rows)
        return reader.some(rows) if columns is None else reader.columns(rows, columns)


def _is_whole(rows: Any) -> bool:
    return isinstance(rows, slice) and rows == slice(None)


class _File:
    """A file that is open as long as something reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._number = os.open(path, os.O_RDONLY)
        # Where the program ends, sessions are closed yet, whose last order is made of it.
        weakref.finalize(self, os.close, self._number).atexit = False

    def read(self, into: np.ndarray, place: int) -> None:
        """Fill bytes ``(n,)`` from a place in the file. Raises ``StorageError`` if that cannot be read."""
        left = memoryview(into.data)
        while left:
            try:
                count = os.preadv(self._number, [left], place)
            except OSError as error:
                raise StorageError(
                    f"Cannot read {self.path}: {error.strerror or error}. Check the disk, then try again."
                ) from error
            if count == 0:
                raise StorageError(f"{self.path} was cut off while it was read. Rank the images again.")
            left, place = left[count:], place + count


@dataclass(frozen=True)
class _Reader:
    """Reads rows of a file: where the first begins, and how many bytes the next is further on."""

    file: _File
    start: int
    step: int
    width: int
    dtype: np.dtype

    def of_columns(self, columns: range) -> _Reader:
        """Return a reader of columns that follow each other."""
        return replace(
            self, start=self.start + columns.start * self.dtype.itemsize, width=max(0, len(columns))
        )

    def run(self, start: int, count: int) -> np.ndarray:
        """Return rows that follow each other."""
        rows = np.empty((count, self.width), self.dtype)
        self.fill(rows, start)
        return rows

    def some(self, rows: np.ndarray) -> np.ndarray:
        """Return any rows, in their order."""
        found = np.empty((len(rows), self.width), self.dtype)
        edges = np.flatnonzero(np.diff(rows) != 1) + 1
        stops = [*edges.tolist(), len(rows)] if len(rows) else []
        for start, stop in zip([0, *stops], stops, strict=False):
            self.fill(found[start:stop], int(rows[start]))
        return found

    def columns(self, rows: np.ndarray, columns: Any) -> np.ndarray:
        """Return some columns of any rows; what is read beside them is not kept."""
        at_once = max(1, _BLOCK_BYTES // self.step)
        starts = range(0, max(len(rows), 1), at_once)
        # Copied, for a view would keep all that was read.
        parts = (self.some(rows[start : start + at_once])[:, columns].copy() for start in starts)
        return np.concatenate(list(parts))

    def fill(self, into: np.ndarray, row: int) -> None:
        """Fill rows ``(n, width)``, in one piece, from the row of that number on."""
        used = self.width * self.dtype.itemsize
        if into.nbytes == 0:
            return
        if used == self.step:
            self.file.read(into.reshape(-1).view(np.uint8), self.start + row * self.step)
            return
        at_once = max(1, _BLOCK_BYTES // self.step)
        records = np.empty(min(len(into), at_once) * self.step, np.uint8)
        for done in range(0, len(into), at_once):
            count = min(at_once, len(into) - done)
            part = records[: count * self.step]
            # Behind the last row's numbers the file may end.
            self.file.read(part[: len(part) - self.step + used], self.start + (row + done) * self.step)
            into[done : done + count] = part.reshape(count, self.step)[:, :used].copy().view(self.dtype)
