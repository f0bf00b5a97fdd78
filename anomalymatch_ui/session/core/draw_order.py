"""The order in which images are drawn at random, kept where making it takes a second of every opening."""

from __future__ import annotations

import zlib
from contextlib import suppress

import numpy as np

from anomalymatch_ui.errors import StorageError
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.pool.ids import RowIds
from anomalymatch_ui.rank import draw_order
from anomalymatch_ui.sealed import seal
from anomalymatch_ui.session.core.folder import SessionFolder

MANY = 200_000
"""Names from which on it is kept: to hash so many takes a fifth of a second."""

DRAW = b"\ndraw 1"
"""Ends a kept draw. Where :func:`~anomalymatch_ui.rank.draw_order` changes, the number does, too."""


def draw_order_of(pool: ImagePool, seed: int, folder: SessionFolder | None = None) -> np.ndarray:
    """Return the rows of a pool in the order in which they are drawn at random, int64.

    Parameters
    ----------
    pool, seed
        See :func:`~anomalymatch_ui.rank.draw_order`.
    folder
        Folder of the session that keeps it; one that is damaged, or cannot be written, is made again.
    """
    if isinstance(pool.ids, RowIds):
        return draw_order(len(pool), seed)
    if folder is None or len(pool) < MANY:
        return draw_order(pool.ids, seed)
    path = folder.draw_order(pool.digest, seed)
    with suppress(OSError):
        content = path.read_bytes()
        values, end = content[: 4 * len(pool)], content[4 * len(pool) :]
        if end == DRAW + seal(zlib.crc32(values + DRAW)):
            return np.frombuffer(values, "<u4").astype(np.int64)
    drawn = draw_order(pool.ids, seed)
    content = drawn.astype("<u4").tobytes() + DRAW
    with suppress(StorageError):
        write_bytes_atomically(path, content + seal(zlib.crc32(content)), root=folder.path)
    return drawn
