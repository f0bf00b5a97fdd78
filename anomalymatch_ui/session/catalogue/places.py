"""Where the images of a session are on the sky: by their WCS, their pool's columns, or the metadata."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import ImagePool, position_names
from anomalymatch_ui.pool.placed import has_places, place_of
from anomalymatch_ui.session.catalogue.column import Column
from anomalymatch_ui.sky import Place

logger = logging.getLogger(__name__)

_MOST_OPENED = 50_000
"""Images of which each is opened for its WCS: some five minutes."""

Degrees = tuple[np.ndarray, np.ndarray]


class Places:
    """Positions of a pool's images.

    Parameters
    ----------
    pool
        Its columns may name positions, or its images have a WCS.
    columns
        Returns the metadata of the images, by name.
    """

    def __init__(self, pool: ImagePool, columns: Callable[[], Mapping[str, Column]]) -> None:
        self._pool, self._columns = pool, columns
        self._of_pool: Degrees | None = None
        self._of_table: tuple[Mapping[str, Column], Degrees] | None = None
        self._opened: dict[int, tuple[float, float]] = {}

    def degrees(self) -> Degrees | None:
        """Return right ascension and declination, float64 ``(len(pool),)``, NaN where one is missing.

        ``None`` if neither the pool's columns nor the metadata name positions. WCS of single files are not
        read, for that would open each of them. The same arrays are given until the metadata are others.
        """
        names = self._pool.columns.positions
        if names is not None:
            if self._of_pool is None:
                ra, dec = (_floats(self._pool, name) for name in names)
                self._of_pool = _on_the_sky(ra, dec)
            return self._of_pool
        columns = self._columns()
        if self._of_table is None or self._of_table[0] is not columns:
            found = self.in_metadata()
            if found is None:
                return None
            longitude, latitude = (columns[name].numbers for name in found)
            assert longitude is not None
            assert latitude is not None
            self._of_table = columns, _on_the_sky(longitude, latitude)
        return self._of_table[1]

    def at_hand(self) -> Degrees | None:
        """Return :meth:`degrees`; ``None`` also where the session's table is damaged, as its filters say."""
        try:
            return self.degrees()
        except InputError as error:
            logger.info("No table tells where the images are: %s", error)
            return None

    def at(self, rows: np.ndarray) -> Degrees:
        """Return where some images are, float64 ``(len(rows),)`` each; NaN where nothing tells.

        Unlike :meth:`degrees` it opens images that no table places, for their WCS, at most 50,000; what it
        has opened it remembers.

        Parameters
        ----------
        rows
            Indices into the pool, int64; -1 stands for an image that is not there.
        """
        ra, dec = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
        degrees = self.degrees()
        if degrees is not None:
            here = rows >= 0
            ra[here], dec[here] = (values[rows[here]] for values in degrees)
        unplaced = np.flatnonzero((rows >= 0) & ~(np.isfinite(ra) & np.isfinite(dec)))
        if not has_places(self._pool):
            return ra, dec
        for place in unplaced[:_MOST_OPENED].tolist():
            ra[place], dec[place] = self._by_wcs(int(rows[place]))
        return ra, dec

    def _by_wcs(self, row: int) -> tuple[float, float]:
        if row not in self._opened:
            place = place_of(self._pool, row)
            self._opened[row] = (math.nan, math.nan) if place is None else (place.ra, place.dec)
        return self._opened[row]

    def of_images(self) -> Degrees | None:
        """Return where the images are whatever the metadata say: by the pool's columns, or by their WCS.

        ``None`` if neither tells, or there are more than 50,000 images, each of which had to be opened.
        """
        if self._pool.columns.positions is not None:
            return self.degrees()
        if len(self._pool) > _MOST_OPENED:
            return None
        places = np.array([self._by_wcs(row) for row in range(len(self._pool))], np.float64).reshape(-1, 2)
        return None if np.isnan(places).all() else (places[:, 0], places[:, 1])

    def known(self) -> Degrees:
        """Return :meth:`degrees`. Raises ``InputError`` if no positions are known."""
        degrees = self.degrees()
        if degrees is None:
            raise InputError(
                f"No table says where the images in {self._pool.path} are on the sky. Give one with "
                "columns ra and dec in degrees as metadata."
            )
        return degrees

    def in_metadata(self) -> tuple[str, str] | None:
        """Return which columns of the metadata are positions; ``None`` if none are, or the pool has some."""
        if self._pool.columns.positions is not None:
            return None
        return position_names([name for name, its in self._columns().items() if its.is_number])

    def of(self, image_id: str) -> Place | None:
        """Return where an image is, and where its WCS tells also its scale and how it is turned.

        The position is that of the catalogue or the metadata, if they have one, else of the image's middle.

        Raises
        ------
        KeyError
            If there is no image of that id.
        """
        index, degrees = self._pool.index(image_id), self.at_hand()
        place = place_of(self._pool, index)
        if degrees is None:
            return place
        ra, dec = (float(values[index]) for values in degrees)
        if not (math.isfinite(ra) and abs(dec) <= 90):
            return place
        return Place(ra, dec) if place is None else replace(place, ra=ra, dec=dec)


def _on_the_sky(ra: np.ndarray, dec: np.ndarray) -> Degrees:
    """Return positions with NaN where one is none, such as the -99 or -999 that stands for a missing one."""
    off = ~((np.abs(ra) <= 360) & (np.abs(dec) <= 90))
    return np.where(off, np.nan, ra), np.where(off, np.nan, dec)


def _floats(pool: ImagePool, name: str) -> np.ndarray:
    import pyarrow as pa
    import pyarrow.compute as pc

    values = pc.cast(pool.columns[name], pa.float64(), safe=False)
    return np.array([np.nan if value is None else value for value in values.to_pylist()], np.float64)
