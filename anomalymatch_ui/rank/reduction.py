"""From the backbone's features to an embedding: principal components of a pool, partly whitened.

A linear head on a handful of labels lives in the span of what it was shown. The leading components keep
that and make an embedding five times smaller; dividing each by a small power of its variance lets the
head see what varies little, where rare objects differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anomalymatch_ui.rank.linear import FeatureScale, feature_blocks

SAMPLE_ROWS = 10_000
"""Images the components are measured on; more change them little and cost seconds."""

SMALLEST_VARIANCE = 1e-9  # of a standardised feature's; below it is rounding, where features are constant
LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class Reduction:
    """A linear map from features to an embedding.

    Attributes
    ----------
    axes
        float32 ``(features, components)``.
    offset
        float32 ``(components,)``: what the mean of the pool maps to, so that the embedding's mean is zero.
    """

    axes: np.ndarray
    offset: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, rows: np.ndarray, *, components: int, whitening: float) -> Reduction:
        """Measure a pool.

        Parameters
        ----------
        features
            float ``(n, features)``, which may lie on disk; rows with NaN are left out.
        rows
            Rows to measure the components on, int64: see :func:`sample_rows`.
        components
            To keep, at most; there are fewer in a small pool, or one that varies in fewer directions.
        whitening
            Power of its variance that a component is divided by: 0 leaves the components as they are,
            0.5 gives all the same variance.

        Returns
        -------
        Reduction
            Whose embedding of ``rows`` has mean zero and a mean squared length of one, so that a head's
            regularisation means the same for any pool, size or number of components.
        """
        sample = np.asarray(features[rows], dtype=np.float32)
        sample = sample[~np.isnan(sample).any(axis=1)]
        scale = FeatureScale.of(sample)
        kept = min(components, len(sample) - 1, features.shape[1])
        if kept < 1:
            return cls(np.zeros((features.shape[1], 1), np.float32), np.zeros(1, np.float32))
        variances, vectors = principal_components(scale.apply(sample).astype(np.float64), kept)
        axes = vectors * variances**-whitening
        axes /= np.sqrt((variances ** (1 - 2 * whitening)).sum())
        axes = axes / scale.deviation[:, None]
        return cls(axes.astype(np.float32), (scale.mean @ axes).astype(np.float32))

    def scaled(self, factor: float) -> Reduction:
        """Return the map whose embedding is ``factor`` times as long."""
        return Reduction(self.axes * np.float32(factor), self.offset * np.float32(factor))

    def levelled(self, features: np.ndarray) -> Reduction:
        """Return the map in which other features, float ``(n, features)``, have a mean squared length of one.

        Rows with NaN are left out.
        """
        squares = np.square(self.apply(features).astype(np.float32)).sum(axis=1)
        length = float(np.sqrt(np.nanmean(squares))) if np.isfinite(squares).any() else 0.0
        return self.scaled(1 / length) if length > 0 else self

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Embed ``features`` ``(n, features)``: float16 ``(n, components)``; a row with NaN stays NaN."""
        embedding = np.empty((len(features), self.axes.shape[1]), np.float16)
        for rows, block in feature_blocks(features):
            # What never varied on the pool may do so elsewhere: an image that odd must not get infinity.
            embedding[rows] = np.clip(block @ self.axes - self.offset, -LARGEST, LARGEST)
        return embedding


def principal_components(sample: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the leading variances ``(count,)`` and unit axes ``(features, count)``; fewer where less varies.

    By the eigenvectors of a symmetric matrix, so that the result depends on no random start; and of the
    smaller one: 60 images of 1,280 features then take milliseconds instead of a second.
    """
    images, features = sample.shape
    few = images < features
    matrix = (sample @ sample.T if few else sample.T @ sample) / images
    variances, vectors = np.linalg.eigh(matrix)
    count = max(1, min(count, int((variances > SMALLEST_VARIANCE).sum())))
    variances = np.maximum(variances[::-1][:count], SMALLEST_VARIANCE)
    vectors = vectors[:, ::-1][:, :count]
    return variances, sample.T @ vectors / np.sqrt(images * variances) if few else vectors


def sample_rows(ids: Sequence[str], seed: int, count: int = SAMPLE_ROWS) -> np.ndarray:
    """Draw rows of a pool, int64, in the order of the images' names.

    They depend on the names and the seed alone, not on the order in which a pool lists its images.
    """
    by_name = np.array(sorted(range(len(ids)), key=ids.__getitem__), dtype=np.int64)
    if len(by_name) <= count:
        return by_name
    drawn = np.random.default_rng(seed).choice(len(by_name), count, replace=False)
    return by_name[np.sort(drawn)]
