"""How unlike the rest of the pool an image is: what there is to go by before the first label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomalymatch_ui.rank.linear import feature_blocks


@dataclass(frozen=True)
class Novelty:
    """Distance from the centre of a pool's embedding, as a quantile of the pool's own distances.

    The embedding is partly whitened, so this is a Mahalanobis distance that does not blow up the
    directions in which next to nothing varies. On five tasks it put as many anomalies on the first page
    as the full Mahalanobis distance and isolation forest did, and more than nearest-neighbour distances
    (``docs/benchmark.md``).

    Attributes
    ----------
    distances
        float64, ascending: the distances of the pool's images.
    """

    distances: np.ndarray

    @classmethod
    def of(cls, embedding: np.ndarray) -> Novelty:
        """Measure the pool of this embedding, float ``(n, components)``; rows with NaN are left out."""
        return cls.among(distances_from_centre(embedding))

    @classmethod
    def among(cls, distances: np.ndarray) -> Novelty:
        """Measure a pool of these distances, float ``(n,)``; NaN is left out."""
        return cls(np.sort(distances[~np.isnan(distances)]))

    def scores(self, embedding: np.ndarray) -> np.ndarray:
        """Score images: 0 for the most ordinary of the pool, 1 for the most novel.

        Parameters
        ----------
        embedding
            float ``(n, components)``, of the pool or of other images; rows with NaN get NaN.

        Returns
        -------
        numpy.ndarray
            float32 ``(n,)``.
        """
        return self.places(distances_from_centre(embedding))

    def places(self, distances: np.ndarray) -> np.ndarray:
        """Return :meth:`scores` for distances, float ``(n,)``."""
        below = np.searchsorted(self.distances, distances) / max(len(self.distances) - 1, 1)
        below[np.isnan(distances)] = np.nan
        return np.minimum(below, 1).astype(np.float32)


def distances_from_centre(embedding: np.ndarray) -> np.ndarray:
    """Return the length of each row of an embedding ``(n, components)``, float64 ``(n,)``."""
    distances = np.empty(len(embedding))
    for rows, block in feature_blocks(embedding):
        distances[rows] = np.sqrt(np.einsum("ij,ij->i", block, block, dtype=np.float64))
    return distances
