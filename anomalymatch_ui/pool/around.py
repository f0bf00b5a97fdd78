"""What lies around an image, where a pool can tell: a close-up that zooms out."""

from __future__ import annotations

from anomalymatch_ui.pixels import NativeImage
from anomalymatch_ui.pool.base import ImagePool
from anomalymatch_ui.pool.subset import SubsetPool


def native_around(pool: ImagePool, index: int, zoom: float) -> NativeImage | None:
    """Return the native values of a wider field around an image; ``None`` if the pool has only the images.

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
        return native_around(pool.whole, pool.index_in_whole(index), zoom)
    # It imports Arrow, which the page of another pool does without.
    from anomalymatch_ui.pool.catalogue import CataloguePool

    return pool.native(index, zoom) if isinstance(pool, CataloguePool) else None
