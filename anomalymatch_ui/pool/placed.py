"""Where an image is on the sky, where its own file or its tile tells."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from anomalymatch_ui.pool.base import ImagePool
from anomalymatch_ui.pool.subset import SubsetPool
from anomalymatch_ui.sky import Place


@runtime_checkable
class _Placed(Protocol):
    """A pool that knows a WCS."""

    def place(self, index: int) -> Place | None:
        """Return where the middle of an image is; ``None`` where nothing tells."""


def place_of(pool: ImagePool, index: int) -> Place | None:
    """Return where an image is and how it is turned, by its WCS; ``None`` where there is none.

    Raises
    ------
    IndexError
        If the index is negative or too large.
    """
    if isinstance(pool, SubsetPool):
        return place_of(pool.whole, pool.index_in_whole(index))
    return pool.place(index) if isinstance(pool, _Placed) else None


def has_places(pool: ImagePool) -> bool:
    """Return whether a pool is of a kind whose images may have a WCS."""
    return has_places(pool.whole) if isinstance(pool, SubsetPool) else isinstance(pool, _Placed)
