"""A Zarr store of images, as array archives of surveys are kept on disks and in object stores.

References
----------
.. [1] https://zarr-specs.readthedocs.io, versions 2 and 3 of the format
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import zarr

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool.arrays import LAYOUT, ArrayPool, RowIds, block_images, check_layout
from anomalymatch_ui.pool.base import PoolReport
from anomalymatch_ui.pool.ids import StoredIds

# What the library and its codecs raise of damaged metadata and chunks, and the file system beneath.
_ERRORS = (OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, MemoryError)


class ZarrPool(ArrayPool):
    """The rows of a Zarr array [1]_; see :class:`~anomalymatch_ui.pool.ImagePool`.

    Images of a chunk that is not there are left out, though Zarr gives such a chunk its fill value: a
    store that was copied in part, or whose disk is gone, must not look like a survey of black images.

    Parameters
    ----------
    path
        The store's folder, absolute: a group with ``images`` uint8 ``(n, height, width, 3)`` and
        optionally ``ids`` ``(n,)``, text or integers; or that array of images alone.

    Raises
    ------
    InputError
        If the store cannot be opened or has another layout.
    """

    concurrent = True
    damage = "damaged or never written"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.stem
        self._closed = False
        try:
            self._open()
        except InputError:
            raise
        except _ERRORS as error:
            raise InputError(
                f"Cannot open {path} as a Zarr store: {_first_line(error)}. Check its permissions, and "
                "whether it was copied as a whole."
            ) from error

    def _open(self) -> None:
        root = zarr.open(str(self.path), mode="r")
        images = _images(root, self.path)
        self._images: Any = images
        self.image_shape = tuple(images.shape[1:])
        rows = images.shape[0]
        self.chunk_images = images.chunks[0]
        self.block_images = min(block_images(self.image_shape, self.chunk_images), rows)
        self._packed = (images.shards or images.chunks)[0]  # rows in one file
        stored = _stored_ids(root, rows, self.path)
        self.ids = self.row_ids = stored or RowIds(rows)
        self.report = PoolReport(rows)
        kind = "zarr" if stored is None else f"zarr {stored.digest}"
        self.digest = self.fingerprint(
            kind,
            "it is damaged, or compressed by a codec that is not installed. Copy it again, or write it anew "
            "with Zarr's own codecs.",
        )

    def read_run(self, first: int, out: np.ndarray) -> bool:
        """Read rows from ``first`` on into ``out``; see :meth:`ArrayPool.read_run`."""
        if self._closed:
            raise ValueError(f"the pool {self.path} is closed")
        try:
            out[:] = self._images[first : first + len(out)]
            black = np.flatnonzero(~out.any(axis=(1, 2, 3)))
            written = all(self._is_written(chunk) for chunk in np.unique((first + black) // self._packed))
        except _ERRORS:
            written = False
        if not written:
            out[:] = 0
        return written

    def _is_written(self, number: int) -> bool:
        """Tell whether the file of a chunk, or of a shard of chunks, is there."""
        key = self._images.metadata.encode_chunk_key((int(number), 0, 0, 0))
        file = self.path / str(self._images.path) / str(key)
        return file.is_file()

    def close(self) -> None:
        """Refuse later reads, which raise ``ValueError``; no file stays open between two reads."""
        self._closed = True


def _images(root: Any, path: Path) -> Any:
    images = root if isinstance(root, zarr.Array) else root.get("images")
    if not isinstance(images, zarr.Array):
        names = ", ".join(sorted(map(str, root.keys())))
        raise InputError(
            f"{path} has no images: it needs an array 'images' of {LAYOUT}, and holds {names or 'nothing'}."
        )
    check_layout(np.dtype(images.dtype), tuple(images.shape), f"'images' in {path}")
    return images


def _stored_ids(root: Any, rows: int, path: Path) -> StoredIds | None:
    ids = None if isinstance(root, zarr.Array) else root.get("ids")
    if not isinstance(ids, zarr.Array):
        return None
    what = f"'ids' in {path}"
    if tuple(ids.shape) != (rows,):
        raise InputError(
            f"{what} has shape {tuple(ids.shape)}, but there are {rows:,} images. Give one id an image, or "
            "remove 'ids'."
        )
    if ids.dtype.kind not in "SUTOiu":
        raise InputError(f"{what} is {ids.dtype}. Convert it to text or integers, or remove it.")

    def read(start: int, stop: int) -> list[str]:
        values = np.asarray(ids[start:stop])
        try:
            return [value.decode() if isinstance(value, bytes) else str(value) for value in values.tolist()]
        except UnicodeDecodeError as error:
            raise InputError(
                f"{what} has an id that is not UTF-8 between the rows {start} and {stop}. Write it anew."
            ) from error

    return StoredIds(read, rows, what)


def _first_line(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]
