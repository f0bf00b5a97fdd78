"""How much of the sky positions and images take up: arrays of degrees in, square degrees out.

Cells are parts of bands of declination, as many in each as make them about square. They serve to count, so
they need no numbers that other software knows, as HEALPix has.
"""

from __future__ import annotations

import numpy as np

from anomalymatch_ui.sky.separation import directions, unit_vectors

_SAMPLE = 20_000
"""Images of which each tells how often its part of the sky is covered; more would change the third digit."""

_POINTS = 16
"""Places in an image at which that is looked up."""


def occupied(ra: np.ndarray, dec: np.ndarray, cell: float) -> tuple[int, float]:
    """Return in how many cells of the sky positions lie, and the area of these in square degrees.

    Parameters
    ----------
    ra, dec
        Degrees, float64 ``(n,)``, without NaN.
    cell
        Side of a cell in degrees, about: bands have this height or a little less.
    """
    bands = max(round(180 / cell), 1)
    height = 180 / bands
    band = np.minimum(((dec + 90) / height).astype(np.int64), bands - 1)
    low = np.radians(-90 + band * height)
    high = low + np.radians(height)
    across = np.maximum(np.round(360 * np.cos((low + high) / 2) / height), 1)
    number = np.floor((ra % 360) / 360 * across).astype(np.int64)
    _, firsts = np.unique(band * 2**32 + number, return_index=True)
    area = np.degrees(np.sin(high) - np.sin(low))[firsts] * 360 / across[firsts]
    return len(firsts), float(area.sum())


def covered(ra: np.ndarray, dec: np.ndarray, side: float, seed: int = 0) -> tuple[float, int]:
    """Return the area that images cover, counted once where they overlap, and how many overlap another.

    Images count as discs of the same area, for how each is turned is not known. The area is the sum over
    images of the mean, over places in each, of one over the number of images there [1]_, for a random sample
    of 20,000 where there are more.

    Parameters
    ----------
    ra, dec
        Ra and dec of the images' middles, degrees, float64 ``(n,)``, without NaN.
    side
        Side of an image, in seconds of arc.
    seed
        Seed of the places.

    Returns
    -------
    area
        Square degrees.
    overlapping
        Images whose disc meets another's.

    References
    ----------
    .. [1] Karp, Luby & Madras 1989, "Monte-Carlo approximation algorithms for enumeration problems", Journal
       of Algorithms 10, 429: the size of a union.
    """
    from scipy.spatial import cKDTree

    random = np.random.default_rng(seed)
    radius = np.radians(side / 3600) / np.sqrt(np.pi)
    middles = unit_vectors(ra, dec)
    tree = cKDTree(middles)
    nearest, _ = tree.query(middles, k=2, distance_upper_bound=2 * np.sin(radius))
    overlapping = int(np.isfinite(nearest[:, 1]).sum())
    chosen = np.arange(len(ra))
    if len(ra) > _SAMPLE:
        chosen = np.sort(random.choice(len(ra), _SAMPLE, replace=False))
    away = radius * np.sqrt(random.random((len(chosen), _POINTS, 1)))
    angle = 2 * np.pi * random.random((len(chosen), _POINTS, 1))
    east, north = directions(ra[chosen], dec[chosen])
    along = np.cos(angle) * east[:, None] + np.sin(angle) * north[:, None]
    places = np.cos(away) * middles[chosen][:, None] + np.sin(away) * along
    here = tree.query_ball_point(places.reshape(-1, 3), 2 * np.sin(radius / 2), return_length=True)
    share = float(np.mean(1 / np.maximum(here, 1)))  # rounding may leave a place at the very edge out
    return len(ra) * share * (side / 3600) ** 2, overlapping


def smallest_range(ra: np.ndarray) -> tuple[float, float]:
    """Return the ends of the shortest arc of right ascension that holds all, from west to east, in degrees.

    Examples
    --------
    >>> smallest_range(np.array([359.0, 1.0, 0.5]))
    (359.0, 1.0)
    """
    around = np.unique(ra % 360)
    gaps = np.diff(np.append(around, around[0] + 360))
    widest = int(np.argmax(gaps))
    return float(around[(widest + 1) % len(around)]), float(around[widest])
