"""Images of a pool in memory, for what learns from them."""

from __future__ import annotations

from contextlib import closing

import numpy as np

from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.session.core.jobs import Reporter
from anomalymatch_ui.stream.streaming import read_ahead

READ_ROWS = 256
"""Images read at one time."""


def by_name(pool: ImagePool, rows: np.ndarray) -> np.ndarray:
    """Return rows sorted by the names of their images.

    What is learnt must not depend on how files are listed.
    """
    return np.array(sorted(rows, key=lambda row: pool.ids[row]), dtype=np.int64)


def read_all(
    pool: ImagePool, indices: np.ndarray, size: int, workers: int, reporter: Reporter, done: int
) -> tuple[np.ndarray, np.ndarray]:
    """Read images into one array.

    Parameters
    ----------
    pool
        Holds the images.
    indices
        Which of them.
    size
        Side in pixels.
    workers
        Threads that read.
    reporter, done
        Told how many images are done, counted from ``done`` on.

    Returns
    -------
    tuple of numpy.ndarray
        The indices that could be read, int64 ``(n,)``, and what the network sees of them, uint8
        ``(n, channels, size, size)``.
    """
    read = np.empty(len(indices), np.int64)
    pixels = np.empty((len(indices), pool.rendering.channels, size, size), np.uint8)
    filled = 0
    chunks = [indices[start : start + READ_ROWS] for start in range(0, len(indices), READ_ROWS)]
    with closing(read_ahead(pool, chunks, size, workers)) as batches:
        for chunk, batch in batches:
            stop = filled + len(batch.indices)
            read[filled:stop], pixels[filled:stop] = batch.indices, batch.pixels
            filled = stop
            done += len(chunk)
            reporter.advance(done)
    return read[:filled], pixels[:filled]
