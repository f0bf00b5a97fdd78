"""What lies around an image, where a pool can tell: a close-up that zooms out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from anomalymatch_ui.pixels import NativeImage
from anomalymatch_ui.pool.base import ImagePool
from anomalymatch_ui.pool.subset import SubsetPool


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A wider field around an image.

    Attributes
    ----------
    image
        Native values of the field, in all bands; what lies off the tiles is bad.
    left, top, side
        Where the image itself lies in it: first column and row, and side, in pixels of the field.
    remark
        How much of the field lies off a tile, or what else is wrong, a sentence fragment; empty if nothing.
    """

    image: NativeImage
    left: int
    top: int
    side: int
    remark: str


@runtime_checkable
class _WithTiles(Protocol):
    """A pool whose images are cut from larger ones; a catalogue is one."""

    def field(self, index: int, zoom: float) -> tuple[NativeImage, str]:
        """Cut out a field ``zoom`` times as wide as an image; say what is wrong with it."""

    def window(self, index: int, zoom: float = 1.0) -> tuple[str, int, int, int]:
        """Return what a field is cut from: the tile, first column and row, and the side."""


def has_surroundings(pool: ImagePool) -> bool:
    """Return whether a pool can show what lies around its images, as a catalogue with tiles can."""
    return isinstance(pool.whole if isinstance(pool, SubsetPool) else pool, _WithTiles)


def surroundings(pool: ImagePool, index: int, zoom: float) -> Surroundings | None:
    """Return a wider field around an image; ``None`` if the pool has only the images.

    Parameters
    ----------
    pool
        A catalogue can tell, also where a session works on some of its images.
    index
        Which image.
    zoom
        How many times as wide the field is; at most so wide that no side has over 4,096 pixels.

    Raises
    ------
    UnreadableImageError
        If it cannot be read.
    IndexError
        If the index is negative or too large.
    """
    if isinstance(pool, SubsetPool):
        return surroundings(pool.whole, pool.index_in_whole(index), zoom)
    if not isinstance(pool, _WithTiles):
        return None
    image, remark = pool.field(index, zoom)
    _, left, top, side = pool.window(index)
    _, field_left, field_top, _ = pool.window(index, zoom)
    return Surroundings(image, left - field_left, top - field_top, side, remark)
