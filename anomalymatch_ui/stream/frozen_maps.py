"""What the frozen blocks make of a pool's images, on disk: the next cycles then compute the rest alone.

Training changes only the last blocks of the network. The blocks before them compute the same for an image
in every cycle, and do two thirds of the work.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

logger = logging.getLogger(__name__)

LEFT_FREE = 1 << 30
"""Bytes of a disk that maps leave to what cannot be computed again."""

IN_USE_SECONDS = 3600
"""How long ago maps were last opened or written that are not deleted for others."""

SAVE_SECONDS = 30
"""After so long the checksums are written, so that a process that is killed loses no more."""

PREFIX = "frozen-"
"""Begins the names of folders that hold maps, which may be deleted at any time."""

_THERE = np.uint64(1 << 32)  # beside a checksum of 32 bits: a row that is missing has none


class FrozenMaps:
    """The maps of a pool's images, a row each, in one file.

    A row that was never written, is cut off or damaged counts as missing: each has a checksum. Where the
    disk refuses, nothing more is kept, for all of it can be computed again. Threads may read and write at
    the same time, and so may processes, which write the same.

    Parameters
    ----------
    folder
        Folder of the maps; made when it is missing.
    images
        Rows.
    shape, dtype
        Shape and dtype of one row.

    Attributes
    ----------
    shape, dtype
        Shape and dtype of one row.

    Raises
    ------
    OSError
        If there is no file, and none can be made.
    """

    def __init__(self, folder: Path, images: int, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self._row_bytes = _row_bytes(shape, dtype)
        self._sums_file = folder / "sums.bin"
        self._lock = threading.Lock()
        path = folder / "maps.bin"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.touch()  # which also says that it is used
            self._file, self._writes = path.open("r+b", buffering=0), True
        except OSError:
            self._file, self._writes = path.open("rb", buffering=0), False
        self._sums = _load_sums(self._sums_file, images)
        self._saved = time.monotonic()

    def known(self, rows: range) -> int:
        """Count the rows that were written; one may turn out damaged when it is read."""
        return int(np.count_nonzero(self._sums[rows.start : rows.stop]))

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
        with self._lock:
            if time.monotonic() - self._saved > SAVE_SECONDS:
                self._save()

    def close(self) -> None:
        """Write down which rows there are."""
        with self._lock:
            try:
                self._file.close()
            except OSError as error:  # a full quota may be told of no sooner
                logger.info("What frozen blocks say is not kept: %s", error)
            self._save()

    def _save(self) -> None:
        """Write the checksums, with those that another process has written; not synced, for a cache."""
        others = _load_sums(self._sums_file, len(self._sums))
        temporary = self._sums_file.with_name(f".sums.{os.getpid()}.tmp")
        try:
            temporary.write_bytes(np.where(self._sums == 0, others, self._sums).tobytes())
            temporary.replace(self._sums_file)
        except OSError as error:
            logger.info("What frozen blocks say is not kept: %s", error)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        self._saved = time.monotonic()

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


@contextmanager
def kept_maps(
    folder: Path, images: int, shape: tuple[int, ...], dtype: np.dtype, *, limit: float
) -> Iterator[FrozenMaps | None]:
    """Open the maps of a pool, after deleting what has not been used for long where room is short.

    Parameters
    ----------
    folder
        Folder of the maps; its name begins with :data:`PREFIX`.
    images, shape, dtype
        As for :class:`FrozenMaps`.
    limit
        Bytes that these and their neighbours may take together.

    Yields
    ------
    FrozenMaps or None
        ``None`` where they would take more beside what is in use, or leave too little of the disk, or it
        refuses.
    """
    maps = None
    try:
        if _make_room(folder, images * _row_bytes(shape, dtype), limit):
            maps = FrozenMaps(folder, images, shape, dtype)
    except OSError as error:
        logger.info("What frozen blocks say is not kept: %s", error)
    try:
        yield maps
    finally:
        if maps is not None:
            maps.close()


def _make_room(folder: Path, needed: int, limit: float) -> bool:
    """Delete the neighbours that were used longest ago, if that makes room for ``needed`` bytes."""
    if needed > limit:
        logger.info("What frozen blocks say takes %d bytes, and %d may be kept: nothing is.", needed, limit)
        shutil.rmtree(folder, ignore_errors=True)
        return False
    neighbours = [path for path in folder.parent.glob(f"{PREFIX}*") if path.name != folder.name]
    statuses = {path: _status(path) for path in neighbours}
    total = needed + sum(size for _, size in statuses.values())
    deleted, freed = [], 0
    for path in sorted(neighbours, key=lambda path: statuses[path][0]):
        used, size = statuses[path]
        if total - freed > limit and time.time() - used > IN_USE_SECONDS:
            deleted.append(path)
            freed += size
    if total - freed > limit or not _fits(folder, needed - freed):
        logger.info("There is no room for what frozen blocks say: it is not kept.")
        return False
    for path in deleted:
        shutil.rmtree(path, ignore_errors=True)
    return True


def _fits(folder: Path, needed: int) -> bool:
    """Return whether a disk would have room for labels still, were the folder to grow to ``needed`` bytes."""
    above = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(above).free - (needed - _status(folder)[1]) >= LEFT_FREE


def _status(folder: Path) -> tuple[float, int]:
    """When maps were opened or written last, and the bytes that they take; zeros if there are none."""
    used, size = 0.0, 0
    for name in ("maps.bin", "sums.bin"):
        with suppress(OSError):
            status = (folder / name).stat()
            used, size = max(used, status.st_mtime), size + 512 * status.st_blocks
    return used, size


def _row_bytes(shape: tuple[int, ...], dtype: np.dtype) -> int:
    return int(np.prod(shape)) * np.dtype(dtype).itemsize


def _load_sums(path: Path, images: int) -> np.ndarray:
    with suppress(OSError):
        content = path.read_bytes()
        if len(content) == 8 * images:
            return np.frombuffer(content, np.uint64).copy()
    return np.zeros(images, np.uint64)


def _checksum(content: bytes | memoryview) -> np.uint64:
    return _THERE | np.uint64(zlib.crc32(content))
