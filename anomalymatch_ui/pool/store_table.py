"""The table that a writer of Zarr stores put beside one: its rows are those of the store, in their order.

References
----------
.. [1] Cutana 0.4.0 and images_to_zarr 0.3.5, ESA
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
import pyarrow as pa

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool.columns import Columns
from anomalymatch_ui.pool.contents import ERRORS
from anomalymatch_ui.pool.ids import StoredIds
from anomalymatch_ui.pool.links import ALLOWED_BY, is_inside
from anomalymatch_ui.pool.parquet_columns import ParquetColumns
from anomalymatch_ui.pool.sidecar import Sidecar

TABLE_IDS = ("original_filename", "filename", "source_id")
"""Columns that name images, the likeliest first, as AnomalyMatch 2 takes them."""


def add_table(
    sidecar: Sidecar,
    store: Path,
    attributes: Mapping[str, object],
    rows: int,
    wanted_ids: str | None,
    *,
    follow_links: bool = False,
) -> None:
    """Add what the table beside a store says to what stands in the store.

    A table that does not fit is passed over, and said.

    Parameters
    ----------
    sidecar
        Is added to.
    store
        The store's path.
    attributes
        Attributes of the store; ``metadata_file`` names the table, on the machine that wrote it.
    rows
        Images in the store.
    wanted_ids
        Name of the column of ids, where a person gave it and the store has none of it.
    follow_links
        Whether the table may lie outside the folder of the store, as a link or by what the store says.

    Raises
    ------
    InputError
        If that column is not there or cannot be used.
    """
    path = table_of(store, attributes)
    if path is not None and not follow_links and not is_inside(path, store.parent):
        sidecar.skipped[path.name] = f"it lies {ALLOWED_BY}"
        path = None
    table = None if path is None else _fitting(path, rows, sidecar)
    if path is None or table is None:
        if wanted_ids is not None:
            raise InputError(f"There is no column {wanted_ids!r} beside the images of {store}.")
        return
    names = table.schema.names
    if wanted_ids is not None and wanted_ids not in names:
        raise InputError(f"{path} has no column {wanted_ids!r}, only {', '.join(names)}.")
    for name in [name for name in names if name in ERRORS]:
        sidecar.failed.update(_failures(table, name))
    trusted = _names_agree(table, path.name, sidecar)
    _tell_wrapped(table, path.name, sidecar)
    if sidecar.ids is None or wanted_ids is not None:
        _take_ids(table, path, wanted_ids, sidecar)
    if trusted:
        sidecar.columns = sidecar.columns.joined(
            Columns({name: partial(table.whole, name) for name in names})
        )


def table_of(store: Path, attributes: Mapping[str, object]) -> Path | None:
    """Return the table that belongs to a store; ``None`` if there is none."""
    candidates = [store.parent / f"{store.stem}_metadata.parquet", store.parent / "images_metadata.parquet"]
    given = attributes.get("metadata_file")
    if isinstance(given, str) and given:
        # Of the machine that wrote it, whose paths may be those of another system.
        name = (PureWindowsPath(given) if "\\" in given else PurePosixPath(given)).name
        candidates.insert(0, store.parent / name)
        if Path(given).is_absolute():
            candidates.append(Path(given))
    return next((path for path in candidates if path.is_file()), None)


def _fitting(path: Path, rows: int, sidecar: Sidecar) -> ParquetColumns | None:
    try:
        table = ParquetColumns(path)
    except (OSError, pa.ArrowException) as error:
        sidecar.skipped[path.name] = f"cannot be read: {str(error).splitlines()[0]}"
        return None
    if table.rows != rows:
        sidecar.skipped[path.name] = f"{table.rows:,} rows, but the store has {rows:,} images"
        table.close()
        return None
    return table


def _failures(table: ParquetColumns, name: str) -> dict[int, str]:
    values = table.whole(name)
    if not pa.types.is_string(values.type) and not pa.types.is_large_string(values.type):
        return {}
    # Of a survey of 10^8 images, few have failed: only their texts are made.
    rows = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False)).tolist()
    found = zip(rows, values.drop_null().to_pylist(), strict=True)
    return {row: text.strip() for row, text in found if text.strip()}


def _names_agree(table: ParquetColumns, file: str, sidecar: Sidecar) -> bool:
    """Return whether the two columns of file names agree; if not, the rows were put together wrongly."""
    if not {"filename", "original_filename"} <= set(table.schema.names):
        return True
    given, read = (table.texts(name, 0, table.rows) for name in ("filename", "original_filename"))
    wrong = [
        row for row, (one, other) in enumerate(zip(given, read, strict=True)) if _base(one) != _base(other)
    ]
    if not wrong:
        return True
    sidecar.skipped[file] = (
        f"its rows are of other images: in {len(wrong):,} of {table.rows:,}, such as row {wrong[0]}, "
        f"'filename' is {given[wrong[0]]!r} and 'original_filename' {read[wrong[0]]!r}; only the latter "
        "is used"
    )
    return False


def _base(name: str) -> str:
    return PurePosixPath(name).stem


def _tell_wrapped(table: ParquetColumns, file: str, sidecar: Sidecar) -> None:
    """Say where images_to_zarr kept wider integers modulo 256 or 65,536."""
    if not {"dtype", "processed_dtype"} <= set(table.schema.names):
        return
    pairs = zip(
        table.texts("dtype", 0, table.rows), table.texts("processed_dtype", 0, table.rows), strict=True
    )
    wrapped: dict[tuple[str, str], int] = {}
    for before, after in pairs:
        if _is_narrower(after, before):
            wrapped[before, after] = wrapped.get((before, after), 0) + 1
    for (before, after), count in wrapped.items():
        sidecar.skipped[f"{file}: {before} kept as {after}"] = (
            f"of {count:,} images; values beyond {np.iinfo(np.dtype(after)).max:,} may be wrapped around. "
            "Write the store anew from float32 files"
        )


def _is_narrower(after: str, before: str) -> bool:
    try:
        kept, had = np.dtype(after), np.dtype(before)
    except TypeError:
        return False
    return kept.kind in "iu" and had.kind in "iu" and not np.can_cast(had, kept, "safe")


def _take_ids(table: ParquetColumns, path: Path, wanted: str | None, sidecar: Sidecar) -> None:
    for name in TABLE_IDS if wanted is None else (wanted,):
        if name not in table.schema.names:
            continue
        try:
            sidecar.ids = StoredIds(partial(table.texts, name), table.rows, f"'{name}' in {path}")
        except InputError as error:
            if wanted is not None:
                raise
            sidecar.skipped[f"{path.name}: {name}"] = str(error).split(". ", maxsplit=1)[0]
        else:
            sidecar.ids_name = f"{name} in {path.name}"
            return
