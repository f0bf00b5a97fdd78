"""Survey tiles: where on the sky their pixels are, and a bounded number of them open at one time."""

from __future__ import annotations

import bz2
import gzip
import logging
import mmap
import threading
import warnings
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anomalymatch_ui.pixels import Bands, PixelError
from anomalymatch_ui.pixels.fitstile import FitsTile
from anomalymatch_ui.pool.closed import PoolClosedError
from anomalymatch_ui.sky import Place, directions, unit_vectors

logger = logging.getLogger(__name__)

OPEN_TILES = 64
"""Files mapped at one time: a page of cutouts may be of a hundred tiles, a process may open 256 files."""

OPEN_BYTES = 1 << 30
"""Of tiles that had to be unpacked into memory; the one in use may take more."""

_UNPACKED_AT_LEAST = 4
"""A compressed tile is unpacked as a whole if so many of its size may be."""

_SKIES = 4096
"""Tiles whose place on the sky is known at one time, for a few kB each."""

_WCS_ERRORS = (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError)
"""What astropy and wcslib raise about headers that are damaged, or not of the sky."""

_PACKED = (b"\x1f\x8b", b"BZh")


@dataclass(frozen=True, slots=True, eq=False)
class Sky:
    """Where on the sky the pixels of a tile are.

    Attributes
    ----------
    wcs
        Celestial, of two axes.
    height, width
        In pixels.
    scale
        Side of a pixel in arcseconds: the square root of its area in the middle of the tile.
    bands
        Bands of its planes.
    """

    wcs: Any
    height: int
    width: int
    scale: float
    bands: Bands

    def pixels(self, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where positions are, in pixels from 0; NaN where the projection does not reach them.

        Parameters
        ----------
        ra, dec
            float64 ``(n,)``, degrees, ICRS; they are brought into the tile's own frame.
        """
        from astropy import units
        from astropy.coordinates import SkyCoord

        if not len(ra):
            return np.empty(0), np.empty(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # far from the tile its distortion need not converge
            x, y = self.wcs.world_to_pixel(SkyCoord(ra, dec, unit=units.deg, frame="icrs"))
        return np.asarray(x, np.float64), np.asarray(y, np.float64)

    def orientation(self, ra: float, dec: float) -> np.ndarray:
        """Return the directions of east and north at a position, ``(2, 2)``: columns of steps in x and y.

        Of a tile with square pixels they are of length 1; NaN where the projection does not reach. They are
        those of the tangent there, also beside a pole, where a step in right ascension leads round it.
        """
        step = np.radians(10 / 3600)
        middle = unit_vectors(np.array([ra]), np.array([dec]))
        aside = np.concatenate([middle, middle + step * np.concatenate(directions(ra, dec))])
        longitude = np.degrees(np.arctan2(aside[:, 1], aside[:, 0])) % 360
        latitude = np.degrees(np.arctan2(aside[:, 2], np.hypot(aside[:, 0], aside[:, 1])))
        x, y = self.pixels(longitude, latitude)
        return np.array([x[1:] - x[0], y[1:] - y[0]]) * (self.scale / 10)

    def place(self, x: float, y: float, pixels: float = 1.0) -> Place | None:
        """Return where a pixel is, as the middle of an image; ``None`` if the projection does not reach it.

        Parameters
        ----------
        x, y
            Column and row, from 0.
        pixels
            How many of the tile's pixels are one of the image's.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sky = self.wcs.pixel_to_world(x, y).icrs
        ra, dec = float(sky.ra.deg), float(sky.dec.deg)
        steps = self.orientation(ra, dec)
        if not (np.isfinite([ra, dec]).all() and np.isfinite(steps).all()):
            return None
        east, north = ((float(step[0]), float(step[1])) for step in steps.T)
        return Place(ra, dec, self.scale * pixels, east, north)

    def corners(self) -> np.ndarray:
        """Return unit vectors to the centre, which is first, and to points around the edge, ``(n, 3)``."""
        steps = np.linspace(-0.5, 1, 9)[1:]
        right, upper = self.width - 0.5, self.height - 0.5
        x = np.concatenate(([(self.width - 1) / 2], steps * right, steps * right, [-0.5] * 8, [right] * 8))
        y = np.concatenate(([(self.height - 1) / 2], [-0.5] * 8, [upper] * 8, steps * upper, steps * upper))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sky = self.wcs.pixel_to_world(x, y).icrs
        return unit_vectors(sky.ra.deg, sky.dec.deg)


class Tiles:
    """The tiles of a survey, each opened when it is needed. Thread-safe.

    Parameters
    ----------
    hdus, planes
        Which of their images; see :func:`~anomalymatch_ui.pixels.fits.read_fits`.
    files, memory
        How many are open at one time, and how many bytes of unpacked ones are kept.
    """

    def __init__(
        self,
        hdus: Sequence[int | str] | None = None,
        planes: Sequence[str] | None = None,
        files: int = OPEN_TILES,
        memory: int = OPEN_BYTES,
    ) -> None:
        self._hdus = hdus
        self._planes = planes
        self._files = files
        self._memory = memory
        self._open: OrderedDict[str, FitsTile] = OrderedDict()
        self._skies: OrderedDict[str, Sky | PixelError] = OrderedDict()
        self._opening: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._closed = False
        self.opened = 0

    def tile(self, path: str) -> FitsTile:
        """Return a tile, opened once for all who ask for it.

        Raises
        ------
        OSError, PixelError
            If it cannot be opened or holds no image.
        """
        with self._lock:
            if self._closed:
                raise PoolClosedError
            if path in self._open:
                self._open.move_to_end(path)
                return self._open[path]
            opening = self._opening.setdefault(path, threading.Lock())
        with opening:
            with self._lock:
                if path in self._open:
                    return self._open[path]
            tile = self._opened(path)
            with self._lock:
                self._open[path] = tile
                self._opening.pop(path, None)
                self.opened += 1
                self._let_go()
        return tile

    def sky(self, path: str) -> Sky:
        """Return where on the sky a tile is.

        Raises
        ------
        OSError, PixelError
            If it cannot be opened, holds no image, or does not say where it is.
        """
        with self._lock:
            known = self._skies.get(path)
        if known is None:
            known = self._looked_at(path)
            with self._lock:
                self._skies[path] = known
                while len(self._skies) > _SKIES:
                    self._skies.popitem(last=False)
        if isinstance(known, PixelError):
            raise PixelError(str(known))
        return known

    @property
    def memory(self) -> int:
        """Bytes of what is unpacked."""
        with self._lock:
            return sum(tile.memory for tile in self._open.values())

    def close(self) -> None:
        """Let go of all tiles; later reads raise ``ValueError``."""
        with self._lock:
            self._closed = True
            self._open.clear()

    def _looked_at(self, path: str) -> Sky | PixelError:
        tile = self.tile(path)
        try:
            wcs, scale = _celestial(tile, path)
        except PixelError as error:
            return error
        return Sky(wcs, tile.height, tile.width, scale, tile.bands)

    def _opened(self, path: str) -> FitsTile:
        reading = self._hdus, self._planes, self._memory // _UNPACKED_AT_LEAST, self._grown
        with open(path, "rb") as file:
            begin = file.read(3)
            if begin.startswith(_PACKED):
                file.seek(0)
                return FitsTile(_unpacked(file.read()), None, *reading)
            if not begin:
                raise PixelError("empty file")
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if content[:9] != b"SIMPLE  =":
            raise PixelError("no FITS file")
        return FitsTile(content, path, *reading)

    def _grown(self) -> None:
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        """Forget the tiles that were not asked for longest; who still reads one keeps it meanwhile."""
        while len(self._open) > 1 and (
            len(self._open) > self._files or sum(tile.memory for tile in self._open.values()) > self._memory
        ):
            self._open.popitem(last=False)


def _unpacked(content: bytes) -> bytes:
    try:
        return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else bz2.decompress(content)
    except (EOFError, OSError, ValueError, zlib.error) as error:
        raise PixelError("its compression is damaged") from error


def _celestial(tile: FitsTile, path: str) -> tuple[Any, float]:
    """Return the celestial WCS of a tile, and the side of its pixels in arcseconds."""
    from astropy.wcs import WCS
    from astropy.wcs.utils import proj_plane_pixel_area

    reason = "its header does not say where on the sky it is (no WCS)"
    for header in tile.headers():
        try:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                wcs = WCS(header)
                if not wcs.has_celestial:
                    continue
                wcs = wcs.celestial
                scale = float(np.sqrt(proj_plane_pixel_area(wcs))) * 3600
                _ = wcs.pixel_to_world(
                    tile.width / 2, tile.height / 2
                ).icrs  # not of a planet, nor of the Earth
        except _WCS_ERRORS as error:
            reason = f"its WCS cannot be used: {' '.join(str(error).split())[:150]}"
            continue
        for warning in told:
            if "istortion" in str(warning.message):  # of SIP and PV one is dropped, by the end of CTYPE
                logger.warning("%s: %s (CTYPE %s)", path, warning.message, ", ".join(wcs.wcs.ctype))
        if not np.isfinite(scale) or scale <= 0:
            reason = "its WCS has pixels of no size"
            continue
        return wcs, scale
    raise PixelError(reason)
