"""The order that scores imply."""

from __future__ import annotations

import numpy as np


def order_by_score(scores: np.ndarray) -> np.ndarray:
    """Give the rows of ``scores`` from the highest to the lowest.

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
    return rows[np.argsort(-scores[rows], kind="stable")].astype(np.int64)
