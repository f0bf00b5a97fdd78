"""Images of which a part was never written: their chunks read as the fill value, like a black sky."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np


def unwritten_perhaps(
    rows: np.ndarray, fill: object, chunks: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """Find the rows in which a chunk has nothing but the fill value, so that it may not be there at all.

    Nearly all of them differ in their first pixel, so that this costs next to nothing.

    Parameters
    ----------
    rows
        Some rows of an array, of any dtype.
    fill
        What is read where nothing was written.
    chunks
        Shape of a chunk, the rows first.

    Yields
    ------
    tuple of int
        Place of a chunk within an image, without its place among the rows.
    numpy.ndarray
        int64, ascending: which of ``rows`` have only the fill value there.
    """
    steps = chunks[1:]
    counts = [-(-length // step) for length, step in zip(rows.shape[1:], steps, strict=True)]
    for cell in product(*map(range, counts)):
        part = rows[
            (slice(None), *(slice(i * step, (i + 1) * step) for i, step in zip(cell, steps, strict=True)))
        ]
        first = part[(slice(None), *(slice(0, 1) for _ in cell))].reshape(len(part))
        candidates = np.flatnonzero(_equal(first, fill))
        if len(candidates):
            same = _equal(part[candidates], fill)
            candidates = candidates[same.reshape(len(candidates), -1).all(axis=1)]
        if len(candidates):
            yield cell, candidates


def _equal(values: np.ndarray, fill: object) -> np.ndarray:
    if fill != fill:
        return np.asarray(np.isnan(values))
    return np.asarray(values == fill)
