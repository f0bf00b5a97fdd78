"""Columns of a Parquet file, of which a few row groups are in memory at a time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

# Of row groups as their writer made them, some 100 MB at most; of columns of numbers, far less.
_GROUPS_KEPT = 4


class ParquetColumns:
    """Reads columns of a file by rows. Its methods may be called from several threads.

    Parameters
    ----------
    path
        The file.

    Attributes
    ----------
    schema
        Schema of the file.
    rows
        How many it has.
    starts
        int64 ``(groups + 1,)``: the first row of each row group, and the number of rows.

    Raises
    ------
    OSError, pyarrow.ArrowInvalid
        If it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetFile(path, memory_map=True)
        metadata = self._file.metadata
        self.schema: pa.Schema = self._file.schema_arrow
        self.rows: int = metadata.num_rows
        sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        self.starts = np.cumsum([0, *sizes])
        self._kept: OrderedDict[tuple[int, str], pa.ChunkedArray] = OrderedDict()
        self._lock = threading.Lock()
        # One reader at a time: two threads in one file's row groups end the process (pyarrow 26.0.1).
        self._reading = threading.Lock()

    def whole(self, name: str) -> pa.ChunkedArray:
        """Return a column."""
        with self._reading:
            return self._file.read(columns=[name]).column(0)

    def group_of(self, rows: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return the row groups that hold some rows."""
        return np.searchsorted(self.starts, rows, side="right") - 1

    def group(self, number: int, name: str) -> pa.ChunkedArray:
        """Return a column of one row group."""
        column = self._remembered(number, name)
        if column is not None:
            return column
        with self._reading:
            column = self._remembered(number, name)  # by a thread that was reading it just now
            if column is None:
                column = self._file.read_row_group(number, columns=[name], use_threads=False).column(0)
                with self._lock:
                    self._kept[number, name] = column
                    while len(self._kept) > _GROUPS_KEPT:
                        self._kept.popitem(last=False)
        return column

    def _remembered(self, number: int, name: str) -> pa.ChunkedArray | None:
        with self._lock:
            if (number, name) in self._kept:
                self._kept.move_to_end((number, name))
            return self._kept.get((number, name))

    def values(self, name: str, start: int, stop: int) -> list[object]:
        """Return the values of the rows from ``start`` to ``stop - 1``, as Python has them."""
        found: list[object] = []
        if start >= stop:
            return found
        first, last = self.group_of([start, stop - 1]).tolist()
        for number in range(first, last + 1):
            begin = int(self.starts[number])
            column = self.group(number, name)
            found += column.slice(
                max(0, start - begin), min(stop, begin + len(column)) - max(start, begin)
            ).to_pylist()
        return found

    def texts(self, name: str, start: int, stop: int) -> list[str]:
        """Return identifiers as text; a missing one is empty."""
        return [
            "" if value is None else value.decode() if isinstance(value, bytes) else str(value)
            for value in self.values(name, start, stop)
        ]

    def close(self) -> None:
        """Close the file."""
        with self._reading:  # not under the hands of a thread
            with self._lock:
                self._kept.clear()
            self._file.close()
