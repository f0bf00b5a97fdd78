"""From the id of an image to its place in a pool, or a sentence."""

from __future__ import annotations

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool.base import ImagePool


def index_in(pool: ImagePool, image_id: str) -> int:
    """Return the index of an image.

    Raises
    ------
    InputError
        If it is not in the pool.
    """
    if image_id not in pool:
        raise InputError(f"There is no image {image_id!r} in {pool.path}.")
    return pool.index(image_id)
