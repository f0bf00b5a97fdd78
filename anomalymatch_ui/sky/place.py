"""Where one image is on the sky, and how it is turned."""

from __future__ import annotations

from dataclasses import dataclass

Direction = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the middle of an image is.

    Attributes
    ----------
    ra, dec
        Degrees, ICRS.
    scale
        Side of a pixel in seconds of arc; ``None`` if it is not known.
    east, north
        Steps towards them, as columns to the right and rows down, of length 1 where pixels are square;
        ``None`` if it is not known how the image is turned.
    """

    ra: float
    dec: float
    scale: float | None = None
    east: Direction | None = None
    north: Direction | None = None
