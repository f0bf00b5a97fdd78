"""One HDF5 file of images in the layout of GalaxyMNIST.

References
----------
.. [1] Walmsley et al. 2022, "Galaxy Zoo DECaLS", MNRAS 509, 3966; https://github.com/mwalmsley/galaxy_mnist
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

import h5py
import numpy as np
from PIL import Image

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool.base import (
    Batch,
    PoolReport,
    UnreadableImageError,
    check_indices,
    split_into_shards,
)
from anomalymatch_ui.pool.decode import square

_LAYOUT = "a dataset 'images' of uint8 with the shape (n, height, width, 3)"

# Rows of one chunk are read one after another: a chunk that does not stay in memory is unpacked for each
# of them (64 rows of a compressed file of 1.2 MB chunks: 173 ms without the space for them, 3 ms with it).
_CHUNK_CACHE_BYTES = 64 * 2**20

# Images in their full size are held only this many bytes at a time.
_BLOCK_BYTES = 32 * 2**20

_ROWS_IN_DIGEST = 8

_DAMAGED = "damaged"


class Hdf5Pool:
    """The rows of an HDF5 file [1]_; see :class:`~anomalymatch_ui.pool.ImagePool`.

    Parameters
    ----------
    path
        The file, absolute: ``images`` uint8 ``(n, height, width, 3)`` and optionally ``labels`` ``(n,)``.

    Attributes
    ----------
    labels
        The file's own labels ``(n,)``, read-only; ``None`` if it has none.

    Raises
    ------
    InputError
        If the file cannot be opened or has another layout.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.stem
        self._lock = threading.Lock()
        try:
            self._file = h5py.File(path, "r", rdcc_nbytes=_CHUNK_CACHE_BYTES)
        except OSError as error:
            raise InputError(
                f"Cannot open {path} as an HDF5 file: {_first_line(error)}. "
                "Check its permissions, or fetch it again if its download was cut off."
            ) from error
        try:
            self._images = _images(self._file, path)
            self.labels = _labels(self._file, len(self._images), path)
            self._row_ids = _RowIds(len(self._images))
            self.ids: Sequence[str] = self._row_ids
            self.report = PoolReport(len(self.ids))
            self.digest = self._fingerprint()
        except (OSError, RuntimeError, ValueError, LookupError, MemoryError) as error:
            # What h5py raises of a damaged header.
            self._file.close()
            raise InputError(f"Cannot read {path}: {_first_line(error)}. Fetch it again.") from error
        except InputError:
            self._file.close()
            raise

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<Hdf5Pool {self.path} of {len(self):,} images>"

    def __contains__(self, image_id: object) -> bool:
        return image_id in self._row_ids

    def index(self, image_id: str) -> int:
        """Give the index of an image; ``KeyError`` if there is none of that id."""
        row = self._row_ids.row(image_id)
        if row is None:
            raise KeyError(image_id)
        return row

    def read(self, indices: Sequence[int] | np.ndarray, size: int) -> Batch:
        """Read the central squares of some images; see :meth:`ImagePool.read`."""
        asked = check_indices(indices, len(self))
        pixels = np.empty((len(asked), 3, size, size), np.uint8)
        readable = np.ones(len(asked), bool)
        row_bytes = int(np.prod(self._images.shape[1:]))
        ascending = np.argsort(asked, kind="stable")
        for block in split_into_shards(len(asked), max(1, _BLOCK_BYTES // row_bytes)):
            places = ascending[block.start : block.stop]
            rows, which = np.unique(asked[places], return_inverse=True)
            images, intact = self._rows(rows)
            pixels[places] = _squares(images, size)[which]
            readable[places] = intact[which]
        if readable.all():
            return Batch(asked.copy(), pixels)
        return Batch(asked[readable], pixels[readable])

    def image(self, index: int) -> np.ndarray:
        """Read one whole image; see :meth:`ImagePool.image`."""
        images, intact = self._rows(check_indices([index], len(self)))
        if not intact[0]:
            raise UnreadableImageError(self.ids[index], _DAMAGED)
        pixels: np.ndarray = images[0]
        return pixels

    def shards(self, size: int) -> Iterator[range]:
        """Give the indices of all images in ranges of ``size``."""
        return split_into_shards(len(self), size)

    def close(self) -> None:
        """Close the file; a read that is under way ends first, and later ones raise ``ValueError``."""
        with self._lock:
            self._file.close()

    def _rows(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read ascending, different rows; give them and which of them are intact."""
        images = np.empty((len(rows), *self._images.shape[1:]), np.uint8)
        intact = np.ones(len(rows), bool)
        # Run by run: h5py's own list of rows took 690 ms for 1,000 scattered rows, this takes 35.
        starts = np.flatnonzero(np.diff(rows, prepend=-2) != 1).tolist()
        for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
            if not self._read_run(int(rows[start]), images[start:stop]):
                for place in range(start, stop):
                    intact[place] = self._read_run(int(rows[place]), images[place : place + 1])
        for row in rows[~intact].tolist():
            self.report.note(self.ids[row], _DAMAGED)
        return images, intact

    def _read_run(self, first: int, out: np.ndarray) -> bool:
        """Read rows from ``first`` on into ``out``; tell whether all of them could be."""
        with self._lock:
            if not self._file:
                raise ValueError(f"the pool {self.path} is closed")
            try:
                self._images.read_direct(out, np.s_[first : first + len(out)])
            except OSError:
                out[:] = 0
                return False
        return True

    def _fingerprint(self) -> str:
        """Hash the shape and some images: every file has a row "0", so the ids do not tell files apart."""
        digest = hashlib.sha256(f"hdf5 {self._images.shape}".encode())
        rows = np.unique(np.linspace(0, len(self) - 1, _ROWS_IN_DIGEST).astype(np.int64))
        images, intact = self._rows(rows)
        if not intact.any():
            raise InputError(
                f"None of the images tried in {self.path} can be read: it is damaged, or compressed in a way "
                "that h5py does not know. Fetch it again, or write it anew with gzip or no compression."
            )
        digest.update(images.tobytes())
        return digest.hexdigest()


class _RowIds(Sequence[str]):
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


def _squares(images: np.ndarray, size: int) -> np.ndarray:
    """Give the central squares of images ``(n, height, width, 3)`` as ``(n, 3, size, size)``."""
    if images.shape[1:3] == (size, size):
        return images.transpose(0, 3, 1, 2)
    squares = np.empty((len(images), 3, size, size), np.uint8)
    for place, pixels in enumerate(images):
        squares[place] = square(Image.fromarray(pixels), size)
    return squares


def _images(file: h5py.File, path: Path) -> h5py.Dataset:
    images = _dataset(file, "images")
    if images is None:
        names = ", ".join(sorted(map(str, file)))
        raise InputError(f"{path} has no images: it needs {_LAYOUT}, and holds {names or 'nothing'}.")
    shape: tuple[int, ...] = images.shape or ()
    if images.dtype != np.uint8 or len(shape) != 4 or shape[3] != 3 or 0 in shape[1:]:
        raise InputError(
            f"'images' in {path} is {images.dtype} of shape {shape}. Convert it: it must be {_LAYOUT}."
        )
    if shape[0] == 0:
        raise InputError(f"'images' in {path} has no rows. Give a file with at least one image.")
    return images


def _labels(file: h5py.File, images: int, path: Path) -> np.ndarray | None:
    dataset = _dataset(file, "labels")
    if dataset is None:
        return None
    if dataset.shape != (images,):
        raise InputError(
            f"'labels' in {path} has shape {dataset.shape}, but there are {images:,} images. "
            "Give one label an image, or remove 'labels'."
        )
    labels: np.ndarray = dataset[()]
    labels.flags.writeable = False
    return labels


def _dataset(file: h5py.File, name: str) -> h5py.Dataset | None:
    found = file.get(name)
    return found if isinstance(found, h5py.Dataset) else None


def _first_line(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]
