"""How unlike the rest of the pool an image is: what there is to go by before the first label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import expit

from anomalymatch_ui.rank.rows import of_each_row

SAMPLE_ROWS = 10_000
"""Images that a distance is fitted to, evenly spaced among those with an embedding; more take seconds."""

_NEXT_PART = 2.0  # a part's components come by falling variance, so where it doubles another part begins
_RIDGE = 0.1  # of a part's mean variance: what next to never varies counts for less than a full share
_TINY = 1e-12  # of a squared length: an image at the centre has a logarithm, too


@dataclass(frozen=True)
class DistanceFromCentre:
    """How far from the centre of a pool's embedding an image lies, in each part of it.

    In a part, what one backbone layer tells, it is a Mahalanobis distance in which each component has all
    but the same variance, so that a rare direction counts as much as a common one. The logarithms of the
    distances are put on one scale, a logistic function of the standardised logarithm, and the parts are
    averaged: an image is far out that is unusual in each of them, and no part's own tail decides alone.
    On the simulated survey this put 17 of the 32 oddities among the first 60 images, and the length of the
    partly whitened embedding 10; on two tasks of galaxies it put 26, as before, and 6 instead of 4
    (``docs/benchmark.md``).

    Attributes
    ----------
    weights
        What the square of each component is multiplied by, float32 ``(components,)``.
    starts
        First component of each part, int64 ``(parts,)``.
    middles, widths
        Mean and standard deviation of the logarithms of the squared distances in each part, float64
        ``(parts,)``.
    """

    weights: np.ndarray
    starts: np.ndarray
    middles: np.ndarray
    widths: np.ndarray

    @classmethod
    def of(cls, embedding: np.ndarray) -> Self:
        """Fit it to a pool's embedding, float ``(n, components)``; rows with NaN are left out."""
        # Of a million images some 2,000 were looked at when the first order is made.
        known = np.flatnonzero(~np.isnan(np.asarray(embedding[:, 0])))
        sample = np.asarray(embedding[known[:: max(len(known) // SAMPLE_ROWS, 1)]], np.float32)
        sample = sample[~np.isnan(sample).any(axis=1)]
        if len(sample) == 0:
            sample = np.zeros((1, embedding.shape[1]), np.float32)
        variances = np.square(sample, dtype=np.float64).mean(axis=0)  # an embedding's mean is zero
        starts = _starts_of_parts(variances)
        sizes = np.diff(np.append(starts, len(variances)))
        means = np.add.reduceat(variances, starts) / sizes
        floors = np.repeat(_RIDGE * means, sizes)
        weights = np.divide(1.0, variances + floors, where=floors > 0, out=np.zeros_like(variances))
        logarithms = _logarithms(sample, weights.astype(np.float32), starts)
        widths = logarithms.std(axis=0)
        return cls(
            weights.astype(np.float32), starts, logarithms.mean(axis=0), np.where(widths > 0, widths, 1.0)
        )

    def __call__(self, embedding: np.ndarray) -> np.ndarray:
        """Return the distance of each image, from 0 to 1, float64 ``(n,)``.

        Parameters
        ----------
        embedding
            float ``(n, components)``, of the pool or of other images; rows with NaN get NaN.
        """

        def far(block: np.ndarray) -> np.ndarray:
            logarithms = _logarithms(block, self.weights, self.starts)
            distances: np.ndarray = expit((logarithms - self.middles) / self.widths).mean(axis=1)
            return distances

        return of_each_row(embedding, far, np.float64)


@dataclass(frozen=True)
class Novelty:
    """Distance from the centre of a pool's embedding, as a quantile of the pool's own distances.

    Attributes
    ----------
    measure
        Of the distance of an image.
    distances
        float64, ascending: the distances of the pool's images.
    """

    measure: DistanceFromCentre
    distances: np.ndarray

    @classmethod
    def of(cls, embedding: np.ndarray) -> Self:
        """Measure the pool of this embedding, float ``(n, components)``; rows with NaN are left out."""
        measure = DistanceFromCentre.of(embedding)
        return cls.among(measure, measure(embedding))

    @classmethod
    def among(cls, measure: DistanceFromCentre, distances: np.ndarray) -> Self:
        """Take a pool's distances, float ``(n,)``, as they were measured; NaN is left out."""
        return cls(measure, np.sort(distances[~np.isnan(distances)]))

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
        return self.places(self.measure(embedding))

    def places(self, distances: np.ndarray) -> np.ndarray:
        """Return :meth:`scores` for distances, float ``(n,)``."""
        below = np.searchsorted(self.distances, distances) / max(len(self.distances) - 1, 1)
        below[np.isnan(distances)] = np.nan
        return np.minimum(below, 1).astype(np.float32)


def _starts_of_parts(variances: np.ndarray) -> np.ndarray:
    rises = np.flatnonzero(variances[1:] > _NEXT_PART * variances[:-1]) + 1
    return np.concatenate([[0], rises]).astype(np.int64)


def _logarithms(block: np.ndarray, weights: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the logarithm of the squared distance in each part, float64 ``(n, parts)``."""
    squares = np.add.reduceat(np.square(block) * weights, starts, axis=1)
    logarithms: np.ndarray = np.log(squares.astype(np.float64) + _TINY)
    return logarithms
