"""Parquet files with images: of Hugging Face data sets, and of the Multimodal Universe.

References
----------
.. [1] https://huggingface.co/docs/datasets: a struct ``{bytes, path}`` with the bytes of an image's file
.. [2] The Multimodal Universe Collaboration 2024, arXiv:2412.02527: a struct ``{band, flux, ivar, mask, …}``,
   whose mask is true where pixels are clean
"""

from __future__ import annotations

from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anomalymatch_ui.config import PixelsConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels import as_native
from anomalymatch_ui.pool.base import PoolReport, few
from anomalymatch_ui.pool.closed import PoolClosedError
from anomalymatch_ui.pool.columns import Columns, position_names
from anomalymatch_ui.pool.contents import IDS, IMAGES
from anomalymatch_ui.pool.ids import RowIds, StoredIds
from anomalymatch_ui.pool.parquet_columns import ParquetColumns
from anomalymatch_ui.pool.records import RecordError, RecordPool, as_file
from anomalymatch_ui.pool.sidecar import Sidecar, told

_PIXELS = ("flux", "array", "image", "data")
"""Fields of a struct that hold pixel values."""


class ParquetPool(RecordPool):
    """The rows of a Parquet file [1]_ [2]_; see :class:`~anomalymatch_ui.pool.ImagePool`.

    Row groups are read as a whole, and the last few kept: files whose row groups have a hundred images or
    fewer turn pages fast.

    Parameters
    ----------
    path
        The file, absolute.
    pixels
        How the images are found, read and rendered.

    Raises
    ------
    InputError
        If it cannot be opened or has no column of images.
    """

    def __init__(self, path: Path, pixels: PixelsConfig) -> None:
        self.path = path
        self.name = path.stem
        self._closed = False
        try:
            self._table = ParquetColumns(path)
        except (OSError, pa.ArrowException) as error:
            why = str(error).splitlines()[0]
            raise InputError(f"Cannot open {path} as a Parquet file: {why}. Fetch it again.") from error
        self._column, what = _images(self._table.schema, pixels.array, path)
        rows = self._table.rows
        if not rows:
            raise InputError(f"{path} has no rows. Give a file with at least one image.")
        sidecar = self._sidecar(pixels.ids)
        self.ids = self.row_ids = sidecar.ids or RowIds(rows)
        self.columns = sidecar.columns
        self.report = PoolReport(rows, sidecar.skipped)
        self._named_bands = self._bands_given()
        planes = pixels.planes or self._named_bands
        self.look(pixels.model_copy(update={"planes": planes}))
        self.pixels = pixels
        self.found = told(f"'{self._column}', {what}", sidecar)
        groups = len(self._table.starts) - 1
        self.block_images = max(1, round(rows / groups)) if groups else 1
        self.digest = self.fingerprint(
            f"parquet {sidecar.ids.digest if sidecar.ids else ''}", "Fetch the file again."
        )

    def record(self, index: int) -> bytes:
        """Read one image as a file."""
        if self._closed:
            raise PoolClosedError(self.path)
        (group,) = self._table.group_of([index]).tolist()
        try:
            column = self._table.group(group, self._column)
        except (OSError, pa.ArrowException) as error:
            raise RecordError("damaged") from error
        return _as_record(column[index - int(self._table.starts[group])], self._named_bands)

    def close(self) -> None:
        """Close the file; later reads raise ``ValueError``."""
        self._closed = True
        self._table.close()

    def _bands_given(self) -> tuple[str, ...] | None:
        """Return the bands that the first row names."""
        if not pa.types.is_struct(self._table.schema.field(self._column).type):
            return None
        first = self._table.group(0, self._column)[0].as_py() or {}
        names = first.get("band")
        return tuple(map(str, names)) if isinstance(names, list) and names else None

    def _sidecar(self, wanted: str | None) -> Sidecar:
        schema, found = self._table.schema, Sidecar()
        plain = [field.name for field in schema if _is_plain(field.type)]
        found.columns = Columns({name: partial(self._table.whole, name) for name in plain})
        if wanted is not None and wanted not in plain:
            raise InputError(f"{self.path} has no column {wanted!r}, only {few(plain) or 'images'}.")
        folded = {name.casefold(): name for name in reversed(plain)}
        names = [wanted] if wanted is not None else [folded[name] for name in IDS if name in folded]
        for name in names:
            try:
                read = partial(self._table.texts, name)
                found.ids, found.ids_name = (
                    StoredIds(read, self._table.rows, f"'{name}' in {self.path}"),
                    name,
                )
            except InputError as error:
                if wanted is not None:
                    raise
                found.skipped[name] = str(error).split(". ", maxsplit=1)[0]
            else:
                return found
        self._ids_of_paths(found)
        return found

    def _ids_of_paths(self, found: Sidecar) -> None:
        """Take the names of the files that the images were, where every image has one of its own."""
        kind = self._table.schema.field(self._column).type
        if not pa.types.is_struct(kind) or kind.get_field_index("path") < 0:
            return

        def read(start: int, stop: int) -> list[str]:
            values = self._table.values(f"{self._column}.path", start, stop)
            paths = (value.get("path") if isinstance(value, dict) else value for value in values)
            return ["" if path is None else PurePosixPath(str(path)).name for path in paths]

        try:
            found.ids = StoredIds(read, self._table.rows, f"'{self._column}.path' in {self.path}")
            found.ids_name = f"{self._column}.path"
        except InputError:  # no names, which are none to miss
            return


def has_only_positions(path: Path) -> bool:
    """Return whether a file has no images, but positions at which they could be cut out."""
    try:
        schema = pq.read_schema(path)
        names = schema.names
    except (OSError, pa.ArrowException, UnicodeDecodeError):  # said when it is opened
        return False
    images = any(_kind(field.type) for field in schema)
    return not images and position_names(names) is not None


def _images(schema: pa.Schema, wanted: str | None, path: Path) -> tuple[str, str]:
    """Return the column of images, and what it holds."""
    kinds = {field.name: _kind(field.type) for field in schema}
    if wanted is not None:
        if not kinds.get(wanted):
            raise InputError(f"{path} has no column of images {wanted!r}, but {few(schema.names)}.")
        return wanted, kinds[wanted]
    fitting = [name for name, kind in kinds.items() if kind]
    for label in IMAGES:
        alike = [name for name in fitting if name.casefold() == label]
        if alike:
            return alike[0], kinds[alike[0]]
    if len(fitting) == 1:
        return fitting[0], kinds[fitting[0]]
    if fitting:
        raise InputError(
            f"{path} has {len(fitting):,} columns of images: {few(fitting)}. Choose one (--array)."
        )
    raise InputError(
        f"{path} has no images: it needs a column with the bytes of images' files, or with their pixels, and "
        f"has {few(schema.names) or 'none'}."
    )


def _kind(type_: pa.DataType) -> str:
    """Return what images a column of a type holds; empty if none."""
    if _is_bytes(type_):
        return "encoded images"
    if pa.types.is_struct(type_):
        names = {type_.field(place).name: type_.field(place).type for place in range(type_.num_fields)}
        if "bytes" in names and _is_bytes(names["bytes"]):
            return "encoded images"
        return next(
            (f"arrays of {name}" for name in _PIXELS if name in names and _depth(names[name]) >= 2), ""
        )
    return "arrays" if _depth(type_) >= 2 else ""


def _depth(type_: pa.DataType) -> int:
    """Return how many lists lie in one another around numbers; 0 where there are no numbers in the end."""
    depth = 0
    if isinstance(type_, pa.FixedShapeTensorType):
        return len(type_.shape)
    while pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_):
        type_, depth = type_.value_type, depth + 1
    return depth if pa.types.is_integer(type_) or pa.types.is_floating(type_) else 0


def _is_bytes(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(type_) or pa.types.is_large_binary(type_) or pa.types.is_fixed_size_binary(type_)
    )


def _is_plain(type_: pa.DataType) -> bool:
    return not pa.types.is_nested(type_) and not _is_bytes(type_) and not isinstance(type_, pa.ExtensionType)


def _as_record(scalar: Any, bands: tuple[str, ...] | None) -> bytes:
    """Return the image of a row as a file."""
    if not scalar.is_valid:
        raise RecordError("there is none in its row")
    if _is_bytes(scalar.type):
        return _whole(scalar.as_py())
    if not pa.types.is_struct(scalar.type):
        return as_file(_array_of(scalar))
    names = [scalar.type.field(place).name for place in range(scalar.type.num_fields)]
    if "bytes" in names:
        return _whole(scalar["bytes"].as_py())
    if bands is not None and tuple(map(str, scalar["band"].as_py() or ())) != bands:
        raise RecordError(f"its bands are {', '.join(map(str, scalar['band'].as_py() or ()))}")
    values = _array_of(scalar[next(name for name in _PIXELS if name in names)])
    if "mask" in names and values.dtype.kind == "f" and scalar["mask"].is_valid:
        clean = _array_of(scalar["mask"])
        if clean.shape != values.shape:
            raise RecordError("its mask is of another shape than its pixels")
        values = np.where(clean, values, values.dtype.type(np.nan))
    return as_file(values)


def _whole(content: bytes | None) -> bytes:
    if not content:
        raise RecordError("empty, or only a path without the bytes of the file")
    return content


def _array_of(scalar: Any) -> np.ndarray:
    """Return nested lists as ``(height, width, bands)``, bands being their first axis.

    The values of all lists lie one after another, so that only their lengths are looked at.
    """
    if not scalar.is_valid:
        raise RecordError("there is none in its row")
    if hasattr(scalar, "to_numpy"):
        values = scalar.to_numpy()
    else:
        inner = scalar.values
        shape = [len(inner)]
        while pa.types.is_list(inner.type) or pa.types.is_large_list(inner.type):
            lengths = pc.unique(inner.value_lengths()).to_pylist()
            if len(lengths) != 1 or not lengths[0]:
                raise RecordError("its rows differ in length" if len(lengths) > 1 else "it has no pixels")
            shape.append(lengths[0])
            inner = inner.flatten()
        values = inner.to_numpy(zero_copy_only=False).reshape(shape)
    if values.ndim == 2:
        return as_native(values)[..., np.newaxis]
    if values.ndim != 3:
        raise RecordError(f"an array of shape {values.shape} is no image")
    return np.moveaxis(as_native(values), 0, 2)
