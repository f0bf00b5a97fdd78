"""The order that scores imply."""

from __future__ import annotations

import numpy as np

_MOST_ROWS = 1 << 32


def order_by_score(scores: np.ndarray) -> np.ndarray:
    """Return the rows of ``scores`` from the highest to the lowest.

    Equal scores keep the order of their rows, so that the result depends on nothing else; rows
    without a score (NaN) are left out.

    Parameters
    ----------
    scores
        float ``(n,)``.

    Returns
    -------
    numpy.ndarray
        int64, at most ``(n,)``.

    Examples
    --------
    >>> order_by_score(np.array([0.2, 0.9, np.nan, 0.9]))
    array([1, 3, 0])
    """
    rows = np.flatnonzero(~np.isnan(scores))
    if scores.dtype == np.float32 and len(scores) <= _MOST_ROWS:
        order: np.ndarray = rows[_descending(scores[rows])]
        return order
    return rows[np.argsort(-scores[rows], kind="stable")].astype(np.int64)


def _descending(scores: np.ndarray) -> np.ndarray:
    """Sort float32 as whole numbers that hold score and place: a third of a stable argsort's time."""
    bits = (-scores + np.float32(0)).view(np.uint32)  # + 0 makes one zero of the two that floats have
    negative = bits >> 31 == 1
    keys = np.where(negative, ~bits, bits | np.uint32(1 << 31)).astype(np.uint64)
    keys = keys << np.uint64(32) | np.arange(len(scores), dtype=np.uint64)
    keys.sort()
    return (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
