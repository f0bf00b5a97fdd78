"""How unlike the rest of the pool an image is: what there is to go by before the first label."""

from __future__ import annotations

import numpy as np

from anomalymatch_ui.rank.linear import FeatureScale, feature_blocks

SAMPLE_ROWS = 20_000
"""Rows the principal components are fitted on; more change them little and cost seconds."""


def novelty_scores(features: np.ndarray, scale: FeatureScale, *, components: int, seed: int) -> np.ndarray:
    """Score each image by its Mahalanobis distance from the centre of the pool.

    The distance is taken in the space of the leading principal components of the standardised
    features, and given as its quantile in the pool: 0 for the most ordinary, 1 for the most novel.

    Parameters
    ----------
    features
        float ``(n, features)``; rows with NaN get NaN.
    scale
        Of the whole pool.
    components
        Principal components to use, at most; fewer where the pool is small.
    seed
        Of the sample of rows the components are fitted on.

    Returns
    -------
    numpy.ndarray
        float32 ``(n,)``.
    """
    from scipy.stats import rankdata
    from sklearn.decomposition import PCA

    sample = _sample(features, seed)
    if len(sample) < 2:
        return np.where(np.isnan(features[:, 0]), np.nan, 0).astype(np.float32)
    count = min(components, len(sample) - 1, features.shape[1])
    pca = PCA(count, whiten=True, random_state=seed, svd_solver="randomized").fit(scale.apply(sample))
    distances = np.full(len(features), np.nan)
    for rows, block in feature_blocks(features):
        readable = ~np.isnan(block).any(axis=1)
        if readable.any():
            inside = distances[rows]
            inside[readable] = np.linalg.norm(pca.transform(scale.apply(block[readable])), axis=1)
    known = ~np.isnan(distances)
    distances[known] = (rankdata(distances[known]) - 1) / max(int(known.sum()) - 1, 1)
    return distances.astype(np.float32)


def _sample(features: np.ndarray, seed: int) -> np.ndarray:
    rows = np.arange(len(features))
    if len(rows) > SAMPLE_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, SAMPLE_ROWS, replace=False))
    sample = np.asarray(features[rows], dtype=np.float32)
    return sample[~np.isnan(sample).any(axis=1)]
