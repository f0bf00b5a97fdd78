"""Columns on disk in the order of the pool: a session with a million rows opens without reading them."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from anomalymatch_ui.files import write_atomically
from anomalymatch_ui.session.catalogue.column import Column, LazyColumn, Texts

if TYPE_CHECKING:
    from pyarrow import parquet

_ROWS = 65_536  # of a row group: what one image has is read without the rest


def write_columns(path: Path, columns: Mapping[str, Column], stamp: str) -> None:
    """Write columns as Parquet, texts and numbers of each; nothing if Arrow cannot hold the texts.

    Parameters
    ----------
    path
        The file.
    columns
        By name, in the order of the pool.
    stamp
        Tells what they were made of.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    import pyarrow as pa
    from pyarrow import parquet

    arrays, names = [], []
    for place, column in enumerate(columns.values()):
        texts = Texts.of(column.texts)
        if not isinstance(texts, Texts):
            return
        arrays.append(texts.values)
        names.append(f"text {place}")
        if column.numbers is not None:
            arrays.append(pa.array(column.numbers))
            names.append(f"number {place}")
    about = {"stamp": stamp, "columns": json.dumps([[name, its.is_number] for name, its in columns.items()])}
    table = pa.table(arrays, names=names).replace_schema_metadata(about)
    write_atomically(path, lambda to: parquet.write_table(table, to, row_group_size=_ROWS), root=path.parent)


def read_columns(path: Path, stamp: str, rows: int) -> dict[str, Column] | None:
    """Return columns that :func:`write_columns` wrote of the same, each read when it is asked for.

    ``None`` if there are none, they are damaged, or of something else: they can be made again.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
        about = file.schema_arrow.metadata or {}
        if about.get(b"stamp") != stamp.encode() or file.metadata.num_rows != rows:
            return None
        listed = json.loads(about[b"columns"])
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return None
    kept = _Kept(file)
    return {
        name: LazyColumn(
            name,
            is_number,
            partial(kept.numbers, f"number {place}"),
            partial(kept.texts, f"text {place}"),
            partial(kept.text, f"text {place}"),
        )
        for place, (name, is_number) in enumerate(listed)
    }


class _Kept:
    """The file, which stays open: were it replaced, what is read would be of other columns."""

    def __init__(self, file: parquet.ParquetFile) -> None:
        self._file, self._lock = file, threading.Lock()  # Arrow's reader is for one thread

    def numbers(self, name: str) -> np.ndarray:
        with self._lock:
            return np.array(self._file.read([name], use_threads=False).column(0).to_numpy(), np.float64)

    def texts(self, name: str) -> Sequence[str]:
        with self._lock:
            return Texts(self._file.read([name], use_threads=False).column(0).combine_chunks())

    def text(self, name: str, index: int) -> str:
        group, row = divmod(index, _ROWS)
        with self._lock:
            read = self._file.read_row_group(group, [name], use_threads=False)
        text: str = read.column(0)[row].as_py()
        return text
