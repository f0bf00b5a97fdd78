"""More like this: the images whose features point the same way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.rank.linear import feature_blocks


@dataclass(frozen=True)
class Similar:
    """The images most like some others, the most similar first.

    Attributes
    ----------
    indices
        Rows of the feature table, int64 ``(m,)``.
    similarities
        Mean cosine to the queries, float32 ``(m,)``, -1 to 1.
    """

    indices: np.ndarray
    similarities: np.ndarray


def most_similar(
    embeddings: np.ndarray, queries: np.ndarray, count: int, *, exclude: np.ndarray | None = None
) -> Similar:
    """Find the images most like one or several others by the cosine of their features.

    Several queries count as the mean of their unit vectors: each has the same say, however long its
    vector is (length tells how far an image is from the pool's average, not what it shows), and the
    product with that mean is the mean cosine to the queries.

    The table is read once, in blocks, and only the best ``count`` rows are kept, so that it may be a
    memory map of any length. Rows that cannot be compared (NaN: the image could not be read) and the
    queries themselves are left out. A row of zeros has no direction: its cosine is 0.

    Parameters
    ----------
    embeddings
        Features of the pool around zero mean, float ``(n, features)``.
    queries
        Rows to look for, int64 ``(q,)``; those of NaN are passed over.
    count
        How many to give; fewer where the pool holds fewer.
    exclude
        Rows to leave out besides, bool ``(n,)``.

    Returns
    -------
    Similar
        Rows that are equally similar are in the order of the table.

    Raises
    ------
    InputError
        If there is no query that could be read.
    """
    direction = _mean_direction(embeddings, queries)
    unwanted = np.zeros(len(embeddings), dtype=bool) if exclude is None else exclude.copy()
    unwanted[queries] = True
    indices = np.empty(0, dtype=np.int64)
    similarities = np.empty(0, dtype=np.float32)
    for rows, block in feature_blocks(embeddings):
        found = _cosines(block, direction)
        usable = np.flatnonzero(~np.isnan(found) & ~unwanted[rows])
        indices = np.concatenate([indices, usable + rows.start])
        similarities = np.concatenate([similarities, found[usable]])
        best = _largest(similarities, count)
        indices, similarities = indices[best], similarities[best]
    order = np.argsort(-similarities, kind="stable")
    return Similar(indices[order], similarities[order])


def unit_vectors(features: np.ndarray) -> np.ndarray:
    """Scale rows ``(n, features)`` to length 1, float32; zeros stay zeros and NaN stays NaN."""
    features = np.asarray(features, dtype=np.float32)
    units: np.ndarray = features / _lengths(features)[:, None]
    return units


def _mean_direction(embeddings: np.ndarray, queries: np.ndarray) -> np.ndarray:
    units = unit_vectors(embeddings[queries])
    units = units[~np.isnan(units).any(axis=1)]
    if len(units) == 0:
        raise InputError(
            "There is nothing to compare with: none of the chosen images could be read. "
            "Choose at least one that is shown."
        )
    direction: np.ndarray = units.mean(axis=0)
    return direction


def _cosines(block: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Return float32 ``(n,)``; rounding must not make a cosine larger than 1."""
    cosines: np.ndarray = np.clip((block @ direction) / _lengths(block), -1, 1)
    return cosines


def _lengths(features: np.ndarray) -> np.ndarray:
    """Return the Euclidean length of each row, 1 for rows of zeros, float32 ``(n,)``."""
    lengths: np.ndarray = np.sqrt(np.einsum("ij,ij->i", features, features))
    lengths[lengths == 0] = 1
    return lengths


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """Return the positions of the ``count`` largest values, ascending; of equal ones the first."""
    if len(values) <= count:
        return np.arange(len(values))
    if count <= 0:
        return np.empty(0, dtype=np.int64)
    smallest = np.partition(values, -count)[-count]
    above = np.flatnonzero(values > smallest)
    ties = np.flatnonzero(values == smallest)[: count - len(above)]
    return np.sort(np.concatenate([above, ties]))
