"""What the frozen blocks make of a pool's images, on disk: the next cycles then compute the rest alone.

Of a network's blocks training changes the last ones. What comes before them says the same of an image in
every cycle, and is two thirds of the work.
"""

from __future__ import annotations

import logging
import shutil
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from anomalymatch_ui.errors import StorageError
from anomalymatch_ui.files import write_atomically

logger = logging.getLogger(__name__)

LEFT_FREE = 1 << 30
"""Bytes of a disk that maps leave to what cannot be computed again."""

PREFIX = "frozen-"
"""Begins the names of folders that hold maps, which may be deleted at any time."""

_THERE = np.uint64(1 << 32)  # beside a checksum of 32 bits: an empty row has none


class FrozenMaps:
    """The maps of a pool's images, a row each, in one file.

    A row that was never written, is cut off or damaged counts as missing: each has a checksum. Where the
    disk refuses, nothing more is kept, for all of it can be computed again. Threads may read and write at
    the same time, and so may processes, which write the same.

    Parameters
    ----------
    folder
        Of the maps; made when it is missing.
    images
        Rows.
    shape, dtype
        Of one row.

    Attributes
    ----------
    shape, dtype
        Of one row.
    """

    def __init__(self, folder: Path, images: int, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self._row_bytes = row_bytes(shape, dtype)
        self._sums_file = folder / "sums.npy"
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "maps.bin"
        path.touch()
        self._file = path.open("r+b", buffering=0)
        self._sums = _load_sums(self._sums_file, images)
        self._writes = True

    def read(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read what is there.

        Parameters
        ----------
        rows
            Pool indices, int64 ``(n,)``.

        Returns
        -------
        there : numpy.ndarray
            bool ``(n,)``: which rows these are.
        maps : numpy.ndarray
            Their maps ``(m, *shape)``.
        """
        maps = np.empty((len(rows), *self.shape), self.dtype)
        there = np.array([self._read_row(row, maps[at]) for at, row in enumerate(rows.tolist())], bool)
        return there, maps if there.all() else maps[there]

    def write(self, rows: np.ndarray, maps: np.ndarray) -> None:
        """Keep the maps ``(n, *shape)`` of some rows, int64 ``(n,)``."""
        for row, values in zip(rows.tolist(), maps, strict=True):
            content = np.ascontiguousarray(values, self.dtype).tobytes()
            with self._lock:
                if not self._writes:
                    return
                try:
                    self._file.seek(row * self._row_bytes)
                    self._writes = self._file.write(content) == len(content)
                except OSError as error:
                    logger.info("What frozen blocks say is not kept any more: %s", error)
                    self._writes = False
                if self._writes:
                    self._sums[row] = _checksum(content)

    def close(self) -> None:
        """Write down which rows there are."""
        with self._lock:
            self._file.close()
            others = _load_sums(self._sums_file, len(self._sums))
            sums = np.where(self._sums == 0, others, self._sums)

            def write(temporary: Path) -> None:
                with temporary.open("wb") as file:
                    np.save(file, sums)

            try:
                write_atomically(self._sums_file, write)
            except StorageError as error:
                logger.info("%s", error)

    def _read_row(self, row: int, target: np.ndarray) -> bool:
        known = self._sums[row]
        if known == 0:
            return False
        content = target.data.cast("B")
        with self._lock:
            try:
                self._file.seek(row * self._row_bytes)
                whole = self._file.readinto(content) == self._row_bytes
            except OSError:
                whole = False
        return whole and _checksum(content) == known


def row_bytes(shape: tuple[int, ...], dtype: np.dtype) -> int:
    """Give the size of one image's maps."""
    return int(np.prod(shape)) * np.dtype(dtype).itemsize


@contextmanager
def kept_maps(
    folder: Path, images: int, shape: tuple[int, ...], dtype: np.dtype, *, limit: float
) -> Iterator[FrozenMaps | None]:
    """Open the maps of a pool while its folder's neighbours leave room for them.

    Parameters
    ----------
    folder
        Of the maps; its name begins with :data:`PREFIX`.
    images, shape, dtype
        As for :class:`FrozenMaps`.
    limit
        Bytes that all maps beside each other may take; of others those that were used last stay.

    Yields
    ------
    FrozenMaps or None
        ``None`` where they would take more, or leave too little of the disk, or it refuses.
    """
    maps = None
    needed = images * row_bytes(shape, dtype)
    if needed <= limit:
        try:
            _make_room(folder, limit - needed)
            if _fits(folder, needed):
                maps = FrozenMaps(folder, images, shape, dtype)
        except OSError as error:
            logger.info("What frozen blocks say is not kept: %s", error)
    try:
        yield maps
    finally:
        if maps is not None:
            maps.close()


def _fits(folder: Path, needed: int) -> bool:
    """Tell whether a disk that is nearly full would have room for labels still."""
    folder.mkdir(parents=True, exist_ok=True)
    written = _status(folder / "maps.bin")[1]
    return shutil.disk_usage(folder).free - (needed - written) >= LEFT_FREE


def _make_room(folder: Path, left: float) -> None:
    """Delete the neighbours that were used longest ago, until the others take no more than ``left`` bytes."""
    neighbours = [path for path in folder.parent.glob(f"{PREFIX}*") if path.name != folder.name]
    used = {path: (_status(path / "sums.npy"), _status(path / "maps.bin")) for path in neighbours}
    for path in sorted(neighbours, key=lambda path: used[path][0][0], reverse=True):
        left -= used[path][1][1]
        if left < 0:
            shutil.rmtree(path, ignore_errors=True)


def _status(path: Path) -> tuple[float, int]:
    """When a file was changed, and its size; zeros if it is not there."""
    with suppress(OSError):
        status = path.stat()
        return status.st_mtime, status.st_size
    return 0.0, 0


def _load_sums(path: Path, images: int) -> np.ndarray:
    with suppress(OSError, ValueError, EOFError):
        sums: np.ndarray = np.load(path, allow_pickle=False)
        if sums.shape == (images,) and sums.dtype == np.uint64:
            return sums
    return np.zeros(images, np.uint64)


def _checksum(content: bytes | memoryview) -> np.uint64:
    return _THERE | np.uint64(zlib.crc32(content))
