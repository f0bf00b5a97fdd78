"""One HDF5 file of images: an array of them with names and positions beside it.

References
----------
.. [1] Walmsley et al. 2022, "Galaxy Zoo DECaLS", MNRAS 509, 3966; https://github.com/mwalmsley/galaxy_mnist
.. [2] https://github.com/henrysky/Galaxy10
.. [3] The Multimodal Universe Collaboration 2024, arXiv:2412.02527
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from anomalymatch_ui.config import PixelsConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels import as_native
from anomalymatch_ui.pixels.largest import check_shape
from anomalymatch_ui.pool.arrays import ArrayPool, band_names, block_images
from anomalymatch_ui.pool.base import ImagePool, PoolReport
from anomalymatch_ui.pool.closed import PoolClosedError
from anomalymatch_ui.pool.contents import Entry, are_objects, choose_images, is_one_image, one_image
from anomalymatch_ui.pool.hdf5_contents import first_line, opened, tree
from anomalymatch_ui.pool.hdf5_outside import led_outside
from anomalymatch_ui.pool.hdf5_written import NEVER_WRITTEN, Written
from anomalymatch_ui.pool.ids import RowIds, StoredIds
from anomalymatch_ui.pool.layout import Layout
from anomalymatch_ui.pool.links import ALLOWED_BY
from anomalymatch_ui.pool.masks import companions, mask_of
from anomalymatch_ui.pool.records import RecordError, RecordPool, as_file
from anomalymatch_ui.pool.sidecar import Sidecar, find_sidecar, told

_ENCODED_ADVICE = (
    "they are neither images' files nor arrays of numbers. Write the bytes of JPEG or PNG files, or arrays."
)


class Hdf5Pool(ArrayPool):
    """The rows of an array in an HDF5 file [1]_ [2]_ [3]_; see :class:`~anomalymatch_ui.pool.ImagePool`.

    Images of a chunk that was never written, or whose virtual source is gone, are left out, though HDF5
    gives them its fill value: a file that was filled in part must not look like a survey of black images.

    Parameters
    ----------
    file
        Open; the pool closes it.
    path
        Where it lies, absolute.
    entries, images, layout
        Its arrays, the one of images, and how they lie in it.
    sidecar
        What stands beside it.
    mask
        True where a pixel means something, of the shape of the images; ``None`` if there is none.
    pixels
        How the images are rendered.

    Raises
    ------
    InputError
        If none of its images can be read.
    """

    def __init__(
        self,
        file: h5py.File,
        path: Path,
        images: Entry,
        layout: Layout,
        sidecar: Sidecar,
        mask: Entry | None,
        pixels: PixelsConfig,
    ) -> None:
        self.path = path
        self.name = path.stem
        self._lock = threading.Lock()
        self._file = file
        self._images = file[images.name]
        self._clean = None if mask is None else file[mask.name]
        self.layout = layout
        self.row_shape = self._images.shape[1:]
        self.dtype = as_native(np.empty(0, self._images.dtype)).dtype
        self.bands = band_names(pixels.planes or sidecar.bands, layout, self.dtype)
        self.render_as(pixels)
        self._written = Written(self._images)
        rows = len(self._images)
        self.ids = self.row_ids = sidecar.ids or RowIds(rows)
        self.columns, self.failed = sidecar.columns, sidecar.failed
        self.report = PoolReport(rows, sidecar.skipped)
        self.chunk_images = (self._images.chunks or (1,))[0]
        self.block_images = min(block_images(self.row_bytes, self.chunk_images), rows)
        # h5py lets one thread in at a time; what follows is done by several.
        self.concurrent = self.dtype != np.uint8
        self.found = told(f"'{images.name}', {self._images.dtype.name}, {layout.sentence()}", sidecar)
        kind = "hdf5" if sidecar.ids is None else f"hdf5 {sidecar.ids.digest}"
        self.digest = self.fingerprint(
            kind if mask is None else f"{kind} masked by {mask.name}",
            "it is damaged, or compressed in a way that h5py does not know. Fetch it again, or write it "
            "anew with gzip or no compression.",
        )

    def close(self) -> None:
        """Close the file; a read that is under way ends first, and later ones raise ``ValueError``."""
        with self._lock:
            self._written.close()
            self._file.close()

    def read_run(self, first: int, out: np.ndarray) -> Mapping[int, str] | None:
        """Read rows from ``first`` on into ``out``; see :meth:`ArrayPool.read_run`."""
        with self._lock:
            if not self._file:
                raise PoolClosedError(self.path)
            try:
                rows = np.s_[first : first + len(out)]
                self._images.read_direct(out, rows)
                missing = self._written.missing(first, out)
                if self._clean is not None:
                    out[self._clean[rows] == 0] = np.nan
            except Exception:  # noqa: BLE001 - of a filter, which may raise a kind of its own
                out[:] = 0
                return None
            return missing


def open_hdf5(path: Path, pixels: PixelsConfig, parts: int = 1) -> ImagePool:
    """Open an HDF5 file of images.

    Parameters
    ----------
    path
        The file, absolute.
    pixels
        How the images are found, read and rendered.
    parts
        How many files of the pool are open at one time, which share the memory for chunks.

    Raises
    ------
    InputError
        If the file cannot be opened or holds no images.
    """
    file = opened(path, parts)
    try:
        return _pool(file, path, pixels)
    except (OSError, RuntimeError, ValueError, LookupError, TypeError, MemoryError) as error:
        # What h5py raises of a damaged header.
        file.close()
        raise InputError(f"Cannot read {path}: {first_line(error)}. Fetch it again.") from error
    except InputError:
        file.close()
        raise


def _pool(file: h5py.File, path: Path, pixels: PixelsConfig) -> ImagePool:
    folder = None if pixels.follow_links else path.resolve().parent
    held = tree(file, folder)
    array = pixels.array
    if array is None and are_objects(held.entries):
        return Hdf5Objects(file, path, held.entries[0].group, pixels)
    images, layout = choose_images(held.entries, array, str(path), held.links)
    sidecar = find_sidecar(held.entries, images, pixels.ids, str(path))
    sidecar.skipped.update(held.links)
    if layout is None:
        return Hdf5Encoded(file, path, images, sidecar, pixels)
    mask = mask_of(held.entries, images)
    sidecar.companions = companions(held.entries, images, mask)
    return Hdf5Pool(file, path, images, layout, sidecar, mask, pixels)


class Hdf5Encoded(RecordPool):
    """Rows of an HDF5 file each of which is the bytes of an image's file, such as a JPEG's.

    Parameters
    ----------
    file, path, images, sidecar, pixels
        As of :class:`Hdf5Pool`.

    Raises
    ------
    InputError
        If none of its images can be read.
    """

    concurrent = False  # h5py lets one thread in at a time

    def __init__(
        self, file: h5py.File, path: Path, images: Entry, sidecar: Sidecar, pixels: PixelsConfig
    ) -> None:
        self.path = path
        self.name = path.stem
        self._file = file
        self._images = file[images.name]
        rows = len(self._images)
        self.ids = self.row_ids = sidecar.ids or RowIds(rows)
        self.columns, self.failed = sidecar.columns, sidecar.failed
        self.report = PoolReport(rows, sidecar.skipped)
        self.found = told(f"'{images.name}', encoded images", sidecar)
        self.look(pixels)
        self.digest = self.fingerprint(
            "hdf5 files" if sidecar.ids is None else f"hdf5 files {sidecar.ids.digest}", _ENCODED_ADVICE
        )

    def record(self, index: int) -> bytes:
        """Read the bytes of one image's file."""
        if not self._file:
            raise PoolClosedError(self.path)
        try:
            value = self._images[index]
        except Exception as error:  # of a filter, which may raise a kind of its own
            raise RecordError("damaged") from error
        content: bytes = value.tobytes()
        if not content:
            raise RecordError("empty")
        return content

    def close(self) -> None:
        """Close the file; later reads raise ``ValueError``."""
        self._file.close()


class Hdf5Objects(RecordPool):
    """An HDF5 file with one dataset an image, whose names are the ids.

    Parameters
    ----------
    file, path, pixels
        As of :class:`Hdf5Pool`.
    group
        That holds the datasets.

    Raises
    ------
    InputError
        If none of its images can be read.
    """

    concurrent = False

    def __init__(self, file: h5py.File, path: Path, group: str, pixels: PixelsConfig) -> None:
        self.path = path
        self.name = path.stem
        self._file = file
        self._group = file if group == "." else file[group]
        self._folder = path.resolve().parent
        self.pixels = pixels
        names = sorted(self._group)
        self.ids = self.row_ids = StoredIds(lambda start, stop: names[start:stop], len(names), f"{path}")
        self.report = PoolReport(len(names))
        self.found = {"array": f"{len(names):,} datasets, one an image", "ids": "names of the datasets"}
        self.look(pixels)
        self.digest = self.fingerprint(f"hdf5 objects {self.row_ids.digest}", "Fetch the file again.")

    def record(self, index: int) -> bytes:
        """Read one dataset."""
        if not self._file:
            raise PoolClosedError(self.path)
        name = self.ids[index]
        outside = "" if self.pixels.follow_links else led_outside(self._group, name, self._folder)
        if outside:
            raise RecordError(f"kept in {outside}, {ALLOWED_BY}")
        try:
            dataset = self._group[name]
        except (KeyError, RuntimeError) as error:
            raise RecordError("a link to nothing") from error
        if not isinstance(dataset, h5py.Dataset) or not is_one_image(dataset.shape or (), dataset.dtype):
            raise RecordError("no image but another kind of data")
        if dataset.chunks is None and not dataset.id.get_storage_size() and not dataset.external:
            raise RecordError(NEVER_WRITTEN)
        check_shape(dataset.shape, self.pixels.largest)
        try:
            values = as_native(dataset[()])
        except Exception as error:  # of a filter, which may raise a kind of its own
            raise RecordError("damaged") from error
        if dataset.chunks or dataset.is_virtual:
            with contextlib.closing(Written(dataset)) as written:
                missing = written.missing(0, values)
            if missing:
                raise RecordError(next(iter(missing.values())))
        return as_file(one_image(values))

    def close(self) -> None:
        """Close the file; later reads raise ``ValueError``."""
        self._file.close()
