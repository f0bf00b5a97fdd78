"""One HDF5 file of images in the layout of GalaxyMNIST.

References
----------
.. [1] Walmsley et al. 2022, "Galaxy Zoo DECaLS", MNRAS 509, 3966; https://github.com/mwalmsley/galaxy_mnist
"""

from __future__ import annotations

import threading
from pathlib import Path

import h5py
import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool.arrays import LAYOUT, ArrayPool, RowIds, block_images, check_layout
from anomalymatch_ui.pool.base import PoolReport

# Rows of one chunk are read one after another: a chunk that does not stay in memory is unpacked for each
# of them (64 rows of a compressed file of 1.2 MB chunks: 173 ms without the space for them, 3 ms with it).
_CHUNK_CACHE_BYTES = 64 * 2**20


class Hdf5Pool(ArrayPool):
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

    concurrent = False  # h5py lets one thread in at a time

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
            self.image_shape = self._images.shape[1:]
            self.ids = self.row_ids = RowIds(len(self._images))
            self.chunk_images = (self._images.chunks or (1,))[0]
            self.block_images = block_images(self.image_shape, self.chunk_images)
            self.report = PoolReport(len(self.ids))
            self.digest = self.fingerprint(
                "hdf5",
                "it is damaged, or compressed in a way that h5py does not know. Fetch it again, or write it "
                "anew with gzip or no compression.",
            )
        except (OSError, RuntimeError, ValueError, LookupError, MemoryError) as error:
            # What h5py raises of a damaged header.
            self._file.close()
            raise InputError(f"Cannot read {path}: {_first_line(error)}. Fetch it again.") from error
        except InputError:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file; a read that is under way ends first, and later ones raise ``ValueError``."""
        with self._lock:
            self._file.close()

    def read_run(self, first: int, out: np.ndarray) -> bool:
        """Read rows from ``first`` on into ``out``; see :meth:`ArrayPool.read_run`."""
        with self._lock:
            if not self._file:
                raise ValueError(f"the pool {self.path} is closed")
            try:
                self._images.read_direct(out, np.s_[first : first + len(out)])
            except OSError:
                out[:] = 0
                return False
        return True


def _images(file: h5py.File, path: Path) -> h5py.Dataset:
    images = _dataset(file, "images")
    if images is None:
        names = ", ".join(sorted(map(str, file)))
        raise InputError(
            f"{path} has no images: it needs a dataset 'images' of {LAYOUT}, and holds {names or 'nothing'}."
        )
    check_layout(images.dtype, images.shape or (), f"'images' in {path}")
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
