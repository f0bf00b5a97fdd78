"""The arithmetic of a map: principal components of an embedding, a frame, places among the nearest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomalymatch_ui.rank import principal_components

AXES_ROWS = 10_000
"""Images that the principal components are measured on; 512 columns then take a fifth of a second."""

NEAREST = 5
"""Mapped images whose mean place one gets that UMAP has not seen."""


class Plane:
    """The leading principal components of an embedding.

    Parameters
    ----------
    sample
        Embedding, float ``(n, columns)``, without NaN.
    components
        To keep, at most.
    """

    def __init__(self, sample: np.ndarray, components: int) -> None:
        # Spread over the whole sample and always the same ones.
        measured = np.asarray(sample[:: max(1, len(sample) // AXES_ROWS)], dtype=np.float64)
        self._mean = measured.mean(axis=0)
        _, axes = principal_components(measured - self._mean, components)
        # An axis may point either way; the largest entry decides, so that a map is never mirrored.
        largest = np.abs(axes).argmax(axis=0)
        self._axes = axes * np.sign(axes[largest, np.arange(axes.shape[1])])

    def apply(self, embedding: np.ndarray, count: int) -> np.ndarray:
        """Return the first ``count`` components, float32 ``(n, count)``, of ``(n, columns)``."""
        axes = self._axes[:, :count].astype(np.float32)
        components: np.ndarray = np.asarray(embedding, np.float32) @ axes
        components -= self._mean.astype(np.float32) @ axes
        return components


@dataclass(frozen=True)
class Frame:
    """What moves and scales places onto a map of [-1, 1]; outliers beyond 0.1 % lie on its edge."""

    centre: np.ndarray
    half: float

    @classmethod
    def of(cls, places: np.ndarray) -> Frame:
        """Frame some places, float ``(n, 2)``; both directions keep the same scale."""
        low, high = np.quantile(places, [0.001, 0.999], axis=0)
        half = float((high - low).max()) / 2
        return cls((low + high) / 2, 1.05 * half if half > 0 else 1.0)

    def apply(self, places: np.ndarray) -> np.ndarray:
        """Return the places on the map, float32 ``(n, 2)``."""
        framed: np.ndarray = np.clip((places - self.centre) / self.half, -1, 1).astype(np.float32)
        return framed


def mean_of_nearest(wanted: np.ndarray, seen: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return places for images that were not placed: the mean of those of the nearest that were.

    Parameters
    ----------
    wanted
        Embedding of the images, float32 ``(m, columns)``.
    seen, places
        Embedding ``(n, columns)`` and places ``(n, 2)`` of those that were placed.

    Returns
    -------
    numpy.ndarray
        float32 ``(m, 2)``.
    """
    squares = np.square(seen).sum(axis=1)
    found = np.empty((len(wanted), 2), dtype=np.float32)
    for row, vector in enumerate(wanted):
        # Up to what all have in common, the squared distance.
        distances = squares - 2 * (seen @ vector)
        count = min(NEAREST, len(seen))
        found[row] = places[np.argpartition(distances, count - 1)[:count]].mean(axis=0)
    return found
