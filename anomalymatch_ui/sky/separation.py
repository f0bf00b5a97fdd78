"""Separations on the sky: arrays of degrees in, seconds of arc and rows out.

Directions are unit vectors, whose distance ``2 sin(separation / 2)`` is exact where the cosine is not: at a
second of arc a float64 cosine keeps five digits, the distance eleven. Poles and 0 h are like any other place.
"""

from __future__ import annotations

import numpy as np

_ARCSECONDS = 180 * 3600 / np.pi
_PAIRS = 2_000_000  # of near places that are held at once, 24 bytes each


def unit_vectors(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Return directions on the sky given in degrees, float64 ``(n, 3)``."""
    longitude, latitude = np.radians(ra), np.radians(dec)
    across = np.cos(latitude)
    return np.stack([across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)], -1)


def directions(ra: np.ndarray | float, dec: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Return the unit vectors towards east and north at positions in degrees, float64 ``(n, 3)`` each."""
    longitude, latitude = np.radians(np.atleast_1d(ra)), np.radians(np.atleast_1d(dec))
    east = np.stack([-np.sin(longitude), np.cos(longitude), np.zeros(len(longitude))], -1)
    up = -np.sin(latitude)
    north = np.stack([up * np.cos(longitude), up * np.sin(longitude), np.cos(latitude)], -1)
    return east, north


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
        Rows of the others, int64 ``(n,)``; -1 where none is so near, or the position is missing.
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


def group_numbers(ra: np.ndarray, dec: np.ndarray, radius: float) -> np.ndarray:
    """Return which positions lie together, as one object that was cut out several times does.

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
    numpy.ndarray
        Number of each position's group, int64 ``(n,)``, in the order of their first rows, from 0; -1 where
        a position is alone.
    """
    numbers = np.full(len(ra), -1, np.int64)
    rows = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    rows = rows[_may_be_together(ra[rows], dec[rows], radius)]
    if len(rows) == 0:
        return numbers
    # Thousands of rows may have the very same position, as where a table writes 0, 0 for a missing one.
    places, place = np.unique(ra[rows] + 1j * dec[rows], return_inverse=True)
    distance = 2 * np.sin(radius / _ARCSECONDS / 2)
    group = _linked(unit_vectors(places.real, places.imag), distance)[place]
    together = np.bincount(group)[group] > 1
    _, firsts, of_group = np.unique(group[together], return_index=True, return_inverse=True)
    numbers[rows[together]] = np.argsort(np.argsort(firsts))[of_group]
    return numbers


def _linked(vectors: np.ndarray, distance: float) -> np.ndarray:
    """Return the number of the chain that each place belongs to, int64 ``(n,)``.

    Pairs are looked for in parts, since a hundred thousand places within one radius have five billion.

    Parameters
    ----------
    vectors
        float64 ``(n, 3)``, n > 0.
    distance
        From one place of a chain to the next at most.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    tree, shape = cKDTree(vectors), (len(vectors),) * 2
    pairs = np.cumsum(tree.query_ball_point(vectors, distance, return_length=True))
    chain = np.arange(len(vectors))
    for rows in np.split(np.arange(len(vectors)), np.flatnonzero(np.diff(pairs // _PAIRS)) + 1):
        near = cKDTree(vectors[rows]).sparse_distance_matrix(tree, distance, output_type="ndarray")
        links = coo_array((np.ones(len(near)), (chain[rows[near["i"]]], chain[near["j"]])), shape=shape)
        chain = connected_components(links, directed=False)[1].astype(np.int64)[chain]
    return chain


def groups_within(ra: np.ndarray, dec: np.ndarray, radius: float) -> list[np.ndarray]:
    """Return the rows of each group of :func:`group_numbers`, int64, ascending, in the groups' order."""
    return members(group_numbers(ra, dec, radius))


def members(numbers: np.ndarray) -> list[np.ndarray]:
    """Return the rows of each group, int64, ascending.

    Parameters
    ----------
    numbers
        Numbers as :func:`group_numbers` returns them.
    """
    rows = np.flatnonzero(numbers >= 0)
    rows = rows[np.argsort(numbers[rows], kind="stable")]
    ends = np.cumsum(np.bincount(numbers[rows])).tolist() if len(rows) else []
    return [rows[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _may_be_together(ra: np.ndarray, dec: np.ndarray, radius: float) -> np.ndarray:
    """Return which positions share a cell with another; without those that do not, a tree is built sooner.

    Cells are four radii wide and high or more, in four grids of which each lies half a cell from the next, in
    one direction or both. Two positions within a radius of one another lie in one cell of one grid.
    """
    together = np.zeros(len(ra), dtype=bool)
    height = 4 * radius / 3600
    if height > 1:
        return ~together
    for down in (0.0, 0.5):
        band = np.floor(dec / height + down).astype(np.int64)
        ends = (band - down) * height
        poleward = np.minimum(np.maximum(np.abs(ends), np.abs(ends + height)), 90)
        cells = np.maximum(np.floor(360 * np.cos(np.radians(poleward)) / height), 1)
        for across in (0.0, 0.5):
            cell = np.floor((ra % 360) / 360 * cells + across) % cells
            key = band * 2**32 + cell.astype(np.int64)
            order = np.argsort(key)
            same = key[order][1:] == key[order][:-1]
            together[order[1:][same]] = together[order[:-1][same]] = True
    return together
