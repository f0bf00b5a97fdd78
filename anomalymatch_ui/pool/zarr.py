"""A Zarr store of images, as array archives of surveys are kept on disks and in object stores.

References
----------
.. [1] https://zarr-specs.readthedocs.io, versions 2 and 3 of the format
.. [2] Cutana and images_to_zarr, ESA: stores with a table in Parquet beside them
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from anomalymatch_ui.config import PixelsConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels import PixelError, as_native
from anomalymatch_ui.pixels.largest import check_shape
from anomalymatch_ui.pool.absent import unwritten_perhaps
from anomalymatch_ui.pool.arrays import ArrayPool, band_names, block_images
from anomalymatch_ui.pool.base import ImagePool, PoolReport
from anomalymatch_ui.pool.closed import PoolClosedError
from anomalymatch_ui.pool.contents import are_objects, choose_images, is_one_image, one_image
from anomalymatch_ui.pool.ids import RowIds, StoredIds
from anomalymatch_ui.pool.layout import Layout
from anomalymatch_ui.pool.records import RecordError, RecordPool, as_file
from anomalymatch_ui.pool.sidecar import Sidecar, find_sidecar, told
from anomalymatch_ui.pool.store_table import add_table
from anomalymatch_ui.pool.zarr_contents import Store

# What the library and its codecs raise of damaged metadata and chunks, and the file system beneath.
_ERRORS = (OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, MemoryError)

_ADVICE = (
    "it is damaged, or compressed by a codec that is not installed. Copy it again, or write it anew "
    "with Zarr's own codecs."
)

# A chunk is unpacked as a whole: of larger ones, one at a time is in memory.
_LARGE_CHUNK = 256 * 2**20


class ZarrPool(ArrayPool):
    """The rows of a Zarr array [1]_; see :class:`~anomalymatch_ui.pool.ImagePool`.

    Images of a chunk that is not there are left out, though Zarr gives such a chunk its fill value: a
    store that was copied in part, or whose disk is gone, must not look like a survey of black images.

    Parameters
    ----------
    path
        The store, absolute.
    images, layout
        Its array of images, and how they lie in it.
    sidecar
        What stands beside it.
    exists
        Tells whether the store has a key.
    pixels
        How the images are rendered.

    Raises
    ------
    InputError
        If none of its images can be read.
    """

    damage = "damaged or never written"

    def __init__(
        self,
        path: Path,
        images: Any,
        layout: Layout,
        sidecar: Sidecar,
        exists: Callable[[str], bool],
        pixels: PixelsConfig,
    ) -> None:
        self.path = path
        self.name = path.stem
        self._images = images
        self._exists = exists
        self._closed = False
        self.layout = layout
        self.row_shape = tuple(images.shape[1:])
        self.dtype = as_native(np.empty(0, images.dtype)).dtype
        self.bands = band_names(pixels.planes or sidecar.bands, layout, self.dtype)
        self.render_as(pixels)
        rows = images.shape[0]
        self.chunk_images = images.chunks[0]
        self._packed = tuple(images.shards or images.chunks)  # in one file
        self._fill = 0 if images.fill_value is None else images.fill_value
        self.block_images = min(block_images(self.row_bytes, self.chunk_images), rows)
        self.concurrent = self.chunk_images * self.row_bytes < _LARGE_CHUNK
        self.ids = self.row_ids = sidecar.ids or RowIds(rows)
        self.columns, self.failed = sidecar.columns, sidecar.failed
        self.report = PoolReport(rows, sidecar.skipped)
        shards = f", in shards of {images.shards[0]:,}" if images.shards else ""
        name = images.basename or path.name
        self.found = told(f"'{name}', {np.dtype(images.dtype).name}, {layout.sentence()}{shards}", sidecar)
        self.digest = self.fingerprint(
            "zarr" if sidecar.ids is None else f"zarr {sidecar.ids.digest}", _ADVICE
        )

    def read_run(self, first: int, out: np.ndarray) -> Mapping[int, str] | None:
        """Read rows from ``first`` on into ``out``; see :meth:`ArrayPool.read_run`."""
        return self._read(out, np.arange(first, first + len(out)), slice(first, first + len(out)))

    def read_rows(self, rows: np.ndarray, out: np.ndarray) -> dict[int, str]:
        """Read ascending rows; scattered ones at once, because a call of Zarr's takes 2 ms."""
        if len(rows) > 1 and rows[-1] - rows[0] >= len(rows):
            reasons = self._read(out, rows, rows)
            if reasons is not None:
                return reasons
        return super().read_rows(rows, out)

    def _read(
        self, out: np.ndarray, rows: np.ndarray, selection: slice | np.ndarray
    ) -> dict[int, str] | None:
        if self._closed:
            raise PoolClosedError(self.path)
        try:
            out[:] = (
                self._images.oindex[selection]
                if isinstance(selection, np.ndarray)
                else self._images[selection]
            )
            return self._unwritten(rows, out)
        except Exception:  # noqa: BLE001 - of a codec, which may raise a kind of its own
            out[:] = 0
            return None

    def _unwritten(self, rows: np.ndarray, values: np.ndarray) -> dict[int, str]:
        reasons: dict[int, str] = {}
        for cell, places in unwritten_perhaps(values, self._fill, self._packed):
            numbers = rows[places] // self._packed[0]
            for number in np.unique(numbers).tolist():
                if not self._is_written((number, *cell)):
                    reasons.update(dict.fromkeys(places[numbers == number].tolist(), self.damage))
        return reasons

    def _is_written(self, chunk: tuple[int, ...]) -> bool:
        """Return whether the file of a chunk, or of a shard of chunks, is there."""
        return self._exists(
            "/".join(filter(None, (self._images.path, self._images.metadata.encode_chunk_key(chunk))))
        )

    def close(self) -> None:
        """Refuse later reads, which raise ``ValueError``; no file stays open between two reads."""
        self._closed = True


class ZarrRecords(RecordPool):
    """A Zarr store in which each image is an array of its own, or a row with the bytes of its file.

    Parameters
    ----------
    path, sidecar, pixels
        As of :class:`ZarrPool`.
    read
        Reads one record.
    ids
        Names of the images; ``None`` if they have only numbers.
    rows
        How many there are.
    what
        How they lie there, for a person.

    Raises
    ------
    InputError
        If none of its images can be read.
    """

    def __init__(
        self,
        path: Path,
        sidecar: Sidecar,
        read: Callable[[int], bytes],
        rows: int,
        what: str,
        pixels: PixelsConfig,
    ) -> None:
        self.path = path
        self.name = path.stem
        self._read_record = read
        self._closed = False
        self.ids = self.row_ids = sidecar.ids or RowIds(rows)
        self.columns, self.failed = sidecar.columns, sidecar.failed
        self.report = PoolReport(rows, sidecar.skipped)
        self.found = told(what, sidecar)
        self.look(pixels)
        self.digest = self.fingerprint(f"zarr {'' if sidecar.ids is None else sidecar.ids.digest}", _ADVICE)

    def record(self, index: int) -> bytes:
        """Read one image; see :meth:`RecordPool.record`."""
        if self._closed:
            raise PoolClosedError(self.path)
        try:
            content = self._read_record(index)
        except (RecordError, PixelError):
            raise
        except Exception as error:  # of a codec, which may raise a kind of its own
            raise RecordError("damaged") from error
        if not content:
            raise RecordError("empty")
        return content

    def close(self) -> None:
        """Refuse later reads, which raise ``ValueError``."""
        self._closed = True


def open_zarr(path: Path, pixels: PixelsConfig) -> ImagePool:
    """Open a Zarr store of images, a folder or a zip file.

    Parameters
    ----------
    path
        The store, absolute.
    pixels
        How the images are found, read and rendered.

    Raises
    ------
    InputError
        If the store cannot be opened or holds no images.
    """
    try:
        return _opened(path, pixels)
    except InputError:
        raise
    except (*_ERRORS, zipfile.BadZipFile) as error:
        raise InputError(
            f"Cannot open {path} as a Zarr store: {_first_line(error)}. Check its permissions, and "
            "whether it was copied as a whole."
        ) from error


def _opened(path: Path, pixels: PixelsConfig) -> ImagePool:
    store = Store(path, follow_links=pixels.follow_links)
    where = str(path)
    arrays = store.arrays()
    entries = [entry for _, entry in arrays.values()]
    array, ids = pixels.array, pixels.ids
    if array is None and are_objects(entries):
        return _objects(path, store, entries[0].group, pixels)
    images, layout = choose_images(entries, array, where, {})
    beside = {entry.label for entry in entries if entry.group == images.group}
    sidecar = find_sidecar(entries, images, ids if ids in beside else None, where)
    wanted, attributes = None if ids in beside else ids, dict(store.root.attrs)
    add_table(sidecar, path, attributes, images.shape[0], wanted, follow_links=pixels.follow_links)
    if layout is None:
        encoded = arrays[images.name][0]
        return ZarrRecords(
            path,
            sidecar,
            # By a slice: a single element comes as an array whose own bytes are a pointer.
            lambda row: bytes(encoded[row : row + 1][0]),
            images.shape[0],
            f"'{images.name}', encoded images",
            pixels,
        )
    return ZarrPool(path, arrays[images.name][0], layout, sidecar, store.has, pixels)


def _objects(path: Path, store: Store, group: str, pixels: PixelsConfig) -> ImagePool:
    """Open a group with one array an image, whose names are the ids."""
    prefix = "" if group == "." else f"{group}/"
    names = store.names(prefix)
    ids = StoredIds(lambda start, stop: names[start:stop], len(names), str(path))

    def read(index: int) -> bytes:
        array = store.root[prefix + names[index]]
        if not is_one_image(array.shape, np.dtype(array.dtype)):
            raise RecordError("no image but another kind of data")
        check_shape(array.shape, pixels.largest)
        values = as_native(np.asarray(array[...]))
        fill = 0 if array.fill_value is None else array.fill_value
        packed = (1, *(array.shards or array.chunks))
        for cell, _ in unwritten_perhaps(values[None], fill, packed):
            if not store.has(f"{prefix}{names[index]}/{array.metadata.encode_chunk_key(cell)}"):
                raise RecordError("damaged or never written")
        return as_file(one_image(values))

    return ZarrRecords(
        path,
        Sidecar(ids, "names of the arrays"),
        read,
        len(names),
        f"{len(names):,} arrays, one an image",
        pixels,
    )


def _first_line(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]
