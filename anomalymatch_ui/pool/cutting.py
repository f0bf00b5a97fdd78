"""Where a cutout lies on its tile, and how it is cut: pure geometry.

Pixels are counted from 0 and their centres are whole numbers, as in astropy; the first one begins at -0.5.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from anomalymatch_ui.pixels import Bands, NativeImage

Section = Callable[[int, int, int, int], NativeImage]
"""Reads the rows from ``top`` to before ``bottom`` and the columns from ``left`` to before ``right``."""


def first_pixels(centres: np.ndarray, sides: np.ndarray | int) -> np.ndarray:
    """Return the first row or column of cutouts.

    The centre of the cutout is as near to that of the object as whole pixels allow; of two that are as near,
    the one before, as :func:`astropy.nddata.overlap_slices` has it, unless all of the cutout would lie before
    the tile: a single pixel at -0.5, or so little more that a float cannot tell, is the first one.

    Parameters
    ----------
    centres
        float64 ``(n,)``, finite.
    sides
        In pixels, int64 ``(n,)`` or one for all.

    Returns
    -------
    numpy.ndarray
        int64 ``(n,)``; negative where a cutout begins off the tile.
    """
    sides = np.asarray(sides)
    first = np.ceil(np.asarray(centres, np.float64) - sides / 2).astype(np.int64)
    # Half a pixel off the first one and a hair more rounds to as far off as the next one's edge.
    at_the_edge = (np.asarray(centres) >= -0.5) & (np.asarray(centres) < 0)
    return np.where(at_the_edge, np.maximum(first, 1 - sides), first)


def lie_within(x: np.ndarray, y: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return which positions lie on an image, to the outer edges of its pixels; NaN does not.

    ``astropy.wcs.WCS.footprint_contains`` is half a pixel off at the upper edges.
    """
    inside: np.ndarray = (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)
    return inside


def cut(section: Section, height: int, width: int, left: int, top: int, side: int) -> NativeImage:
    """Return a square of a tile; what lies off the tile is bad, NaN where the values are floats, or else 0.

    Parameters
    ----------
    section
        Reads a part of the tile.
    height, width
        Height and width of the tile, in pixels.
    left, top
        First column and row of the square; they may be negative.
    side
        Side of the square; it overlaps with the tile.
    """
    rows = max(0, top), min(height, top + side)
    columns = max(0, left), min(width, left + side)
    part = section(*rows, *columns)
    if part.values.shape[1:] == (side, side):
        return part
    fill = np.nan if part.values.dtype.kind == "f" else 0
    values = np.full((len(part.values), side, side), fill, part.values.dtype)
    bad = np.ones(values.shape, bool)
    place = (slice(None), slice(rows[0] - top, rows[1] - top), slice(columns[0] - left, columns[1] - left))
    values[place] = part.values
    bad[place] = False if part.bad is None else part.bad
    return NativeImage(values, bad, part.bands)


def resampled(
    section: Section, height: int, width: int, left: float, top: float, extent: float, side: int
) -> NativeImage:
    """Return a square of a tile in pixels of another size, float32, bilinearly.

    Values are kept as they are: a surface brightness stays one, a flux a pixel is that of the tile's pixels.
    Pixels most of which is bad are bad.

    Parameters
    ----------
    section, height, width
        Section, height, and width of the tile, as for :func:`cut`.
    left, top
        Edges of the square in the tile's pixels, of which the first begins at -0.5.
    extent
        Side of the square in the tile's pixels.
    side
        Number of pixels it gets.
    """
    first = int(np.floor(left)) - 1, int(np.floor(top)) - 1
    around = cut(section, height, width, *first, int(np.ceil(extent)) + 4)
    box = (left + 0.5 - first[0], top + 0.5 - first[1])
    part = (*box, box[0] + extent, box[1] + extent)
    values = np.empty((len(around.values), side, side), np.float32)
    bad = np.zeros(values.shape, bool)
    for place, plane in enumerate(around.values.astype(np.float32)):
        good = np.isfinite(plane)
        if around.bad is not None:
            good &= ~around.bad[place]
        shares = _resized(good.astype(np.float32), side, part)
        weighted = _resized(np.where(good, plane, np.float32(0)), side, part)
        bad[place] = shares < 0.5
        values[place] = np.where(bad[place], np.nan, weighted / np.maximum(shares, 1e-6))
    return NativeImage(values, bad if bad.any() else None, around.bands)


def in_one(images: list[NativeImage]) -> NativeImage:
    """Return the bands of several cutouts of one size as one image."""
    bands = Bands(tuple(band for image in images for band in image.bands))
    values = np.concatenate([image.values for image in images])
    bad = None
    if any(image.bad is not None for image in images):
        masks = [np.zeros(i.values.shape, bool) if i.bad is None else i.bad for i in images]
        bad = np.concatenate(masks)
    return NativeImage(values, bad, bands)


def _resized(plane: np.ndarray, side: int, part: tuple[float, float, float, float]) -> np.ndarray:
    image = Image.fromarray(plane).resize((side, side), Image.Resampling.BILINEAR, box=part)
    return np.asarray(image, np.float32)
