"""Pools whose images are the rows of one array in a file."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

import numpy as np

from anomalymatch_ui.config import PixelsConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels import PLAIN, RGB
from anomalymatch_ui.pixels.square import squares
from anomalymatch_ui.pool.base import (
    Batch,
    Fetched,
    PoolReport,
    UnreadableImageError,
    check_indices,
    split_into_shards,
)
from anomalymatch_ui.pool.ids import StoredIds

LAYOUT = "uint8 with the shape (n, height, width, 3)"

# Images in their full size are held only this many bytes at a time.
_BLOCK_BYTES = 32 * 2**20

# Fetched at one time: large enough that a call into a library of files does not count (2 ms a call of
# Zarr's), small enough that a dozen of them, under way at one time, are not felt.
_FETCH_BYTES = 4 * 2**20

_ROWS_IN_DIGEST = 8


class ArrayPool(ABC):
    """Rows of an array uint8 ``(n, height, width, 3)``; see :class:`~anomalymatch_ui.pool.ImagePool`.

    A format opens its file, sets the attributes, and says how to read consecutive rows.

    Attributes
    ----------
    row_ids
        The ids, by which rows are found.
    image_shape
        ``(height, width, 3)``.
    chunk_images
        How many rows are packed together, and damaged together.
    damage
        Why a row cannot be read, a sentence fragment.
    """

    path: Path
    name: str
    ids: Sequence[str]
    row_ids: RowIds | StoredIds
    digest: str
    report: PoolReport
    block_images: int
    concurrent: bool
    image_shape: tuple[int, ...]
    chunk_images: int
    damage = "damaged"
    bands = RGB
    rendering = PLAIN
    pixels = PixelsConfig()

    @abstractmethod
    def read_run(self, first: int, out: np.ndarray) -> bool:
        """Read rows from ``first`` on into ``out``; tell whether all of them could be.

        If not, what ``out`` holds does not depend on what it held before.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of open files."""

    def any_there(self, indices: Sequence[int] | np.ndarray) -> bool:
        """Tell whether the file or the store is there; see :meth:`ImagePool.any_there`."""
        check_indices(indices, len(self))
        return os.path.exists(self.path)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path} of {len(self):,} images>"

    def __contains__(self, image_id: object) -> bool:
        return image_id in self.row_ids

    def index(self, image_id: str) -> int:
        """Give the index of an image; ``KeyError`` if there is none of that id."""
        row = self.row_ids.row(image_id)
        if row is None:
            raise KeyError(image_id)
        return row

    def read(self, indices: Sequence[int] | np.ndarray, size: int) -> Batch:
        """Read the central squares of some images; see :meth:`ImagePool.read`."""
        asked = check_indices(indices, len(self))
        pixels = np.empty((len(asked), 3, size, size), np.uint8)
        readable = np.ones(len(asked), bool)
        ascending = np.argsort(asked, kind="stable")
        for block in split_into_shards(len(asked), max(1, _BLOCK_BYTES // int(np.prod(self.image_shape)))):
            places = ascending[block.start : block.stop]
            rows, which = np.unique(asked[places], return_inverse=True)
            images, intact = self._rows(rows)
            pixels[places] = squares(images, size).transpose(0, 3, 1, 2)[which]
            readable[places] = intact[which]
        if readable.all():
            return Batch(asked.copy(), pixels)
        return Batch(asked[readable], pixels[readable])

    def fetch(self, indices: Sequence[int] | np.ndarray) -> Fetched:
        """Read the rows of some images; see :meth:`ImagePool.fetch`."""
        asked = check_indices(indices, len(self))
        rows, which = np.unique(asked, return_inverse=True)
        images, intact = self._rows(rows)
        if not np.array_equal(rows, asked):
            images, intact = images[which], intact[which]
        if intact.all():
            return Fetched(asked.copy(), images)
        return Fetched(asked[intact], images[intact])

    def image(self, index: int) -> np.ndarray:
        """Read one whole image; see :meth:`ImagePool.image`."""
        images, intact = self._rows(check_indices([index], len(self)))
        if not intact[0]:
            raise UnreadableImageError(self.ids[index], self.damage)
        pixels: np.ndarray = images[0]
        return pixels

    def shards(self, size: int) -> Iterator[range]:
        """Give the indices of all images in ranges of ``size``."""
        return split_into_shards(len(self), size)

    def _rows(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read ascending, different rows; give them and which of them are intact."""
        images = np.empty((len(rows), *self.image_shape), np.uint8)
        intact = np.ones(len(rows), bool)
        # Run by run: h5py's own list of rows took 690 ms for 1,000 scattered rows, this takes 35.
        starts = np.flatnonzero(np.diff(rows, prepend=-2) != 1).tolist()
        for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
            if not self.read_run(int(rows[start]), images[start:stop]):
                self._read_chunks(int(rows[start]), images[start:stop], intact[start:stop])
        for row in rows[~intact].tolist():
            self.report.note(self.ids[row], self.damage)
        self.report.clear(self.ids[row] for row in rows[intact].tolist())
        return images, intact

    def _read_chunks(self, first: int, images: np.ndarray, intact: np.ndarray) -> None:
        """Read rows from ``first`` on chunk by chunk, which are intact as a whole or not at all."""
        start, stop = first, first + len(images)
        while start < stop:
            end = min(stop, (start // self.chunk_images + 1) * self.chunk_images)
            part = slice(start - first, end - first)
            intact[part] = self.read_run(start, images[part])
            start = end

    def fingerprint(self, kind: str, advice: str) -> str:
        """Hash the shape and some images: every file has a row "0", so the ids do not tell files apart.

        Parameters
        ----------
        kind
            Of file.
        advice
            What to do if none of these images can be read, a sentence.

        Raises
        ------
        InputError
            If none can be read.
        """
        digest = hashlib.sha256(f"{kind} {(len(self), *self.image_shape)}".encode())
        rows = np.unique(np.linspace(0, len(self) - 1, _ROWS_IN_DIGEST).astype(np.int64))
        images, intact = self._rows(rows)
        if not intact.any():
            raise InputError(f"None of the images tried in {self.path} can be read: {advice}")
        digest.update(images.tobytes())
        return digest.hexdigest()


class RowIds(Sequence[str]):
    """``"0"``, ``"1"``, … without a string for each in memory."""

    def __init__(self, rows: int) -> None:
        self._range = range(rows)

    def __len__(self) -> int:
        return len(self._range)

    def __contains__(self, image_id: object) -> bool:
        # A sequence's own would compare a million strings.
        return isinstance(image_id, str) and self.row(image_id) is not None

    def row(self, image_id: str) -> int | None:
        """Give the row of an id; ``None`` if there is none."""
        row = int(image_id) if image_id.isdecimal() and len(image_id) < 20 else -1
        return row if str(row) == image_id and row in self._range else None

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return tuple(map(str, self._range[index]))
        return str(self._range[index])


def check_layout(dtype: np.dtype, shape: tuple[int, ...], what: str) -> None:
    """Refuse an array that holds no images.

    Parameters
    ----------
    dtype, shape
        Of the array.
    what
        Its name and place, for the sentence.

    Raises
    ------
    InputError
        If it is not uint8 ``(n, height, width, 3)`` with at least one row.
    """
    if dtype != np.uint8 or len(shape) != 4 or shape[3] != 3 or 0 in shape[1:]:
        raise InputError(f"{what} is {dtype} of shape {shape}. Convert it: it must be {LAYOUT}.")
    if shape[0] == 0:
        raise InputError(f"{what} has no rows. Give a file with at least one image.")


def block_images(image_shape: tuple[int, ...], chunk_images: int) -> int:
    """Give how many images are best fetched at one time: whole chunks, and a few MB."""
    chunk_bytes = chunk_images * int(np.prod(image_shape))
    return chunk_images * max(1, _FETCH_BYTES // chunk_bytes)
