"""Cuts the objects of a catalogue out of the tiles of their fields."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from anomalymatch_ui.pixels import Bands, NativeImage, PixelError
from anomalymatch_ui.pixels.files import why_unreadable
from anomalymatch_ui.pool.cutting import cut, first_pixels, in_one, lie_within, resampled
from anomalymatch_ui.pool.fields import Field, name_bands
from anomalymatch_ui.pool.tiles import Sky, Tiles

LARGEST_SIDE = 4096
"""Pixels: a larger cutout is no cutout, and would take gigabytes to show a page of."""

_TILES_ACROSS = 16
"""Times the longer side of its finest tile: of a wider cutout that tile is a dot, under 2 pixels of 32."""

_PLACED_ROWS = 4_000_000
"""Positions in pixels that are kept, for 25 bytes each."""

_ALIKE = 1e-3
"""Pixels of two tiles that differ by less are alike: of a cutout of 64 the edge is a thirtieth of one off."""

_TURNED = 0.03
"""Sine of the angle at which one tile is turned against another: the edge of 64 pixels is then one off."""


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """Where the objects of a field are on one of its tiles.

    ``x``, ``y`` are float64 ``(n,)``, in pixels; ``inside`` tells which lie on the tile; ``share`` is the
    size of a pixel of the field's finest tile in those of this one, 1 if they are alike.
    """

    path: str
    bands: Bands
    x: np.ndarray
    y: np.ndarray
    inside: np.ndarray
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """The objects of a field on its tiles.

    ``sides``, int64 ``(n,)``, are of their cutouts in pixels of ``finest``, of which its tile has ``height``
    and ``width``; ``remark`` says what is wrong with all of them, if anything is.
    """

    layers: tuple[_Layer, ...]
    finest: _Layer
    height: int
    width: int
    sides: np.ndarray
    remark: str = ""


class Cutter:
    """Cuts out one object at a time. Thread-safe.

    Where objects are on their tiles is computed for all of a field at one time.

    Parameters
    ----------
    tiles
        Opens them.
    fields
        Each the tiles of one part of the sky.
    starts
        int64 ``(len(fields) + 1,)``: the objects of a field are those from its start to the next one's.
    positions
        Positions of the objects, float64 ``(n, 2)``, degrees.
    sizes
        Sides of their cutouts, float64 ``(n,)``.
    angular
        Whether these are arcseconds; otherwise pixels of the first tile of a field.
    """

    def __init__(
        self,
        tiles: Tiles,
        fields: Sequence[Field],
        starts: np.ndarray,
        positions: np.ndarray,
        sizes: np.ndarray,
        *,
        angular: bool,
    ) -> None:
        self._tiles = tiles
        self._fields = fields
        self._starts = starts
        self.positions = positions
        self._sizes = sizes
        self._angular = angular
        self._placed: OrderedDict[int, _Placed] = OrderedDict()
        self._kept = 0
        self._placing = threading.Lock()

    def cut(self, number: int, index: int, zoom: float = 1.0) -> tuple[NativeImage, str]:
        """Cut an object out of all tiles of its field.

        Parameters
        ----------
        number
            Number of the field.
        index
            Index of the object.
        zoom
            How many times as wide the cutout is.

        Returns
        -------
        NativeImage
            In the pixels of the finest tile; what is off the tiles is bad.
        str
            How much of it is, or what else is wrong, a sentence fragment; empty if nothing.

        Raises
        ------
        PixelError
            If it cannot be cut.
        """
        place = index - int(self._starts[number])
        placed = self._placed_in(number)
        side = int(placed.sides[place])
        if side > LARGEST_SIDE:
            raise PixelError(f"its cutout would be {side:,} pixels wide, more than {LARGEST_SIDE:,}")
        if side > _TILES_ACROSS * max(placed.height, placed.width):
            raise PixelError(
                f"its cutout would be {side:,} pixels wide, where the tile "
                f"{os.path.basename(placed.finest.path)} has {placed.width:,} x {placed.height:,}"
            )
        side = _zoomed(side, zoom)
        parts, remark = [], placed.remark
        for layer in placed.layers:
            if not layer.inside[place]:
                raise PixelError(f"its position lies off the tile {os.path.basename(layer.path)}")
            with _naming(layer.path):
                image, off = self._part(placed.finest, layer, place, side)
            parts.append(image)
            if off > 0 and not remark:
                remark = f"{off:.0%} of it lies off the tile {os.path.basename(layer.path)}"
        return parts[0] if len(parts) == 1 else in_one(parts), remark

    def window(self, number: int, index: int, zoom: float = 1.0) -> tuple[str, int, int, int]:
        """Return what an object is cut from in its finest band; see :meth:`CataloguePool.window`."""
        placed, place = self._placed_in(number), index - int(self._starts[number])
        side, layer = _zoomed(int(placed.sides[place]), zoom), placed.finest
        left, top = first_pixels(np.array([layer.x[place], layer.y[place]]), side).tolist()
        return layer.path, left, top, side

    def _part(self, finest: _Layer, layer: _Layer, place: int, side: int) -> tuple[NativeImage, float]:
        """Cut one image from one tile; return how much of it lies off the tile, too."""
        tile = self._tiles.tile(layer.path)
        size = tile.height, tile.width
        if layer.share == 1:
            left, top = first_pixels(np.array([layer.x[place], layer.y[place]]), side).tolist()
            image = cut(tile.section, *size, left, top, side)
            extent = float(side)
        else:
            # The very field that is cut from the finest tile, whose window begins at whole pixels of its own.
            begin = first_pixels(np.array([finest.x[place], finest.y[place]]), side) - 0.5
            left = float(layer.x[place] + (begin[0] - finest.x[place]) * layer.share)
            top = float(layer.y[place] + (begin[1] - finest.y[place]) * layer.share)
            extent = side * layer.share
            image = resampled(tile.section, *size, left, top, extent, side)
            left, top = left + 0.5, top + 0.5
        across = min(left + extent, tile.width) - max(left, 0), min(top + extent, tile.height) - max(top, 0)
        off = 1 - across[0] * across[1] / extent**2
        if image.bands is not layer.bands:
            image = NativeImage(image.values, image.bad, layer.bands)
        return image, off

    def _placed_in(self, number: int) -> _Placed:
        """Return where the objects of a field are on its tiles; those of all at one time, and once."""
        with self._placing:
            placed = self._placed.get(number)
            if placed is not None:
                self._placed.move_to_end(number)
                return placed
            placed = self._place(number)
            self._placed[number] = placed
            self._kept += len(placed.sides) * len(placed.layers)
            while len(self._placed) > 1 and self._kept > _PLACED_ROWS:
                _, old = self._placed.popitem(last=False)
                self._kept -= len(old.sides) * len(old.layers)
        return placed

    def _place(self, number: int) -> _Placed:
        field = self._fields[number]
        rows = slice(int(self._starts[number]), int(self._starts[number + 1]))
        ra, dec = self.positions[rows].T
        skies = []
        for path in field.paths:
            with _naming(path):
                skies.append(self._tiles.sky(path))
        finest = int(np.argmin([sky.scale for sky in skies]))
        layers = []
        for path, sky, bands in zip(field.paths, skies, name_bands(field, skies), strict=True):
            x, y = sky.pixels(ra, dec)
            share = skies[finest].scale / sky.scale
            share = 1.0 if abs(share - 1) < _ALIKE else share
            layers.append(_Layer(path, bands, x, y, lie_within(x, y, sky.width, sky.height), share))
        pixels = self._sizes[rows] * ((1.0 if self._angular else skies[0].scale) / skies[finest].scale)
        sides = np.floor(np.nan_to_num(pixels, nan=1.0) + 0.5).clip(1, 2**31).astype(np.int64)
        height, width = skies[finest].height, skies[finest].width
        remark = _turned(layers, skies, ra, dec)
        return _Placed(tuple(layers), layers[finest], height, width, sides, remark)


def _zoomed(side: int, zoom: float) -> int:
    """Return the side of a field that is ``zoom`` times as wide as a cutout, in pixels."""
    return max(1, min(LARGEST_SIDE, int(side * zoom + 0.5)))


def _turned(layers: Sequence[_Layer], skies: Sequence[Sky], ra: np.ndarray, dec: np.ndarray) -> str:
    """Return which tile of a field is turned against the first, or mirrored; empty if none is."""
    on_all = np.flatnonzero(np.logical_and.reduce([layer.inside for layer in layers]))
    if len(layers) == 1 or not len(on_all):
        return ""
    place = int(on_all[len(on_all) // 2])
    first, *others = (sky.orientation(float(ra[place]), float(dec[place])) for sky in skies)
    for layer, other in zip(layers[1:], others, strict=True):
        if np.abs(other - first).max() > _TURNED:
            names = os.path.basename(layer.path), os.path.basename(layers[0].path)
            return f"the tile {names[0]} is turned against {names[1]}, so that its bands do not match"
    return ""


@contextlib.contextmanager
def _naming(path: str) -> Iterator[None]:
    """Put the name of a tile into the reason why it cannot be read."""
    try:
        yield
    except FileNotFoundError as error:
        raise PixelError(gone(path)) from error
    except (OSError, PixelError) as error:
        raise PixelError(f"its tile {os.path.basename(path)}: {why_unreadable(error)}") from error


def gone(path: str) -> str:
    """Say that a tile is not there, a sentence fragment."""
    return f"its tile {os.path.basename(path)} is not there"
