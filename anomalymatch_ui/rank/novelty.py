"""How unlike the rest of the pool an image is: what there is to go by before the first label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomalymatch_ui.rank.linear import FeatureScale, feature_blocks

SAMPLE_ROWS = 20_000
"""Rows the principal components are fitted on; more change them little and cost seconds."""


@dataclass(frozen=True)
class Novelty:
    """Distance from the centre of a pool, as a quantile of the pool's own distances.

    Attributes
    ----------
    scale
        Of the whole pool.
    axes
        float32 ``(components, features)``: whitened principal axes of the standardised features.
    distances
        float64, ascending: the distances of the pool's images.
    """

    scale: FeatureScale
    axes: np.ndarray
    distances: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, scale: FeatureScale, *, components: int, seed: int) -> Novelty:
        """Measure a pool.

        Parameters
        ----------
        features
            float ``(n, features)``; rows with NaN are left out.
        scale
            Of the whole pool.
        components
            Principal components to use, at most; fewer where the pool is small.
        seed
            Of the sample of rows the components are fitted on.
        """
        from sklearn.decomposition import PCA

        sample = _sample(features, seed)
        count = min(components, len(sample) - 1, features.shape[1])
        if count < 1:
            return cls(scale, np.zeros((1, features.shape[1]), np.float32), np.zeros(1))
        pca = PCA(count, random_state=seed, svd_solver="randomized").fit(scale.apply(sample))
        deviations = np.sqrt(np.maximum(pca.explained_variance_, 1e-12))
        axes = (pca.components_ / deviations[:, None]).astype(np.float32)
        unsorted = cls(scale, axes, np.zeros(1))._measure(features)
        return cls(scale, axes, np.sort(unsorted[~np.isnan(unsorted)]))

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Score images: 0 for the most ordinary of the pool, 1 for the most novel.

        Parameters
        ----------
        features
            float ``(n, features)``, of the pool or of other images; rows with NaN get NaN.

        Returns
        -------
        numpy.ndarray
            float32 ``(n,)``.
        """
        distances = self._measure(features)
        below = np.searchsorted(self.distances, distances) / max(len(self.distances) - 1, 1)
        below[np.isnan(distances)] = np.nan
        return np.minimum(below, 1).astype(np.float32)

    def _measure(self, features: np.ndarray) -> np.ndarray:
        distances = np.full(len(features), np.nan)
        for rows, block in feature_blocks(features):
            distances[rows] = np.linalg.norm(self.scale.apply(block) @ self.axes.T, axis=1)
        return distances


def _sample(features: np.ndarray, seed: int) -> np.ndarray:
    rows = np.arange(len(features))
    if len(rows) > SAMPLE_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, SAMPLE_ROWS, replace=False))
    sample = np.asarray(features[rows], dtype=np.float32)
    return sample[~np.isnan(sample).any(axis=1)]
