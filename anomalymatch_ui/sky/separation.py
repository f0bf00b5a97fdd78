"""Separations on the sky: arrays of degrees in, seconds of arc and rows out.

Directions are unit vectors, whose distance ``2 sin(separation / 2)`` is exact where the cosine is not: at a
second of arc a float64 cosine keeps five digits, the distance eleven. Poles and 0 h are like any other place.
"""

from __future__ import annotations

import numpy as np

_ARCSECONDS = 180 * 3600 / np.pi


def unit_vectors(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Return directions on the sky given in degrees, float64 ``(n, 3)``."""
    longitude, latitude = np.radians(ra), np.radians(dec)
    across = np.cos(latitude)
    return np.stack([across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)], -1)


def separations(ra: np.ndarray, dec: np.ndarray, centre: tuple[float, float]) -> np.ndarray:
    """Return how far positions are from one, in seconds of arc, float64 ``(n,)``; NaN of a missing one."""
    from_there = unit_vectors(np.array([centre[0]]), np.array([centre[1]]))
    distance = np.linalg.norm(unit_vectors(ra, dec) - from_there, axis=-1)
    apart: np.ndarray = 2 * np.arcsin(np.minimum(distance / 2, 1)) * _ARCSECONDS
    return apart


def within_cone(ra: np.ndarray, dec: np.ndarray, centre: tuple[float, float], radius: float) -> np.ndarray:
    """Return which positions are at most ``radius`` seconds of arc from one, bool ``(n,)``."""
    inside = np.abs(dec - centre[1]) * 3600 <= radius * (1 + 1e-9) + 1e-6  # most are
    inside[inside] = separations(ra[inside], dec[inside], centre) <= radius
    return inside


def nearest_within(
    ra: np.ndarray, dec: np.ndarray, ra_others: np.ndarray, dec_others: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest of other positions to each.

    Parameters
    ----------
    ra, dec
        Degrees, float64 ``(n,)``; NaN where one is missing.
    ra_others, dec_others
        Degrees, float64 ``(m,)``.
    radius
        Seconds of arc at most.

    Returns
    -------
    rows
        Of the others, int64 ``(n,)``; -1 where none is so near, or the position is missing.
    separations
        Seconds of arc, float64 ``(n,)``; NaN there.
    """
    from scipy.spatial import cKDTree

    rows, apart = np.full(len(ra), -1, np.int64), np.full(len(ra), np.nan)
    here = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    others = np.flatnonzero(np.isfinite(ra_others) & np.isfinite(dec_others))
    if len(here) == 0 or len(others) == 0:
        return rows, apart
    tree = cKDTree(unit_vectors(ra_others[others], dec_others[others]))
    reach = 2 * np.sin(min(radius / _ARCSECONDS, np.pi) / 2) * (1 + 1e-12)
    distance, nearest = tree.query(unit_vectors(ra[here], dec[here]), distance_upper_bound=reach)
    found = np.isfinite(distance)
    rows[here[found]] = others[nearest[found]]
    apart[here[found]] = 2 * np.arcsin(np.minimum(distance[found] / 2, 1)) * _ARCSECONDS
    return rows, apart


def groups_within(ra: np.ndarray, dec: np.ndarray, radius: float) -> list[np.ndarray]:
    """Return the groups of positions that lie together, as one object that was cut out several times does.

    Two positions belong to one group if a chain of others leads from one to the other of which each is at
    most ``radius`` from the next.

    Parameters
    ----------
    ra, dec
        Degrees, float64 ``(n,)``; where one is missing there is no group.
    radius
        Seconds of arc.

    Returns
    -------
    list of numpy.ndarray
        Rows of each group of two or more, int64, ascending; the group with the lowest row first.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    rows = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    tree = cKDTree(unit_vectors(ra[rows], dec[rows])) if len(rows) else None
    distance = 2 * np.sin(radius / _ARCSECONDS / 2)
    pairs = np.empty((0, 2), np.int64) if tree is None else tree.query_pairs(distance, output_type="ndarray")
    if len(pairs) == 0:
        return []
    together = np.unique(pairs)  # most positions are alone
    places = np.searchsorted(together, pairs)
    ones = np.ones(len(places), np.int8)
    joined = coo_array((ones, (places[:, 0], places[:, 1])), shape=(len(together),) * 2)
    _, group = connected_components(joined, directed=False)
    order = np.argsort(group, kind="stable")
    parts = np.split(rows[together[order]], np.flatnonzero(np.diff(group[order])) + 1)
    return sorted(parts, key=lambda part: int(part[0]))
