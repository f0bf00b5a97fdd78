"""From the ids of images to their places in a pool."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

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


def rows_in(pool: ImagePool, ids: Iterable[str]) -> np.ndarray:
    """Return the indices of images, int64, in the order of their ids; of those not in the pool there is none.

    An image may have been deleted from its folder since it was labelled.
    """
    return np.array([pool.index(image_id) for image_id in ids if image_id in pool], dtype=np.int64)
