"""The symmetries of a square as numbers, and the views of arrays: what torch and NumPy both go by."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from anomalymatch_ui.config import Symmetry
from anomalymatch_ui.errors import InputError

# A view is a number whose bits say what is done: 1 swaps left and right, 2 swaps top and bottom, 4 swaps
# rows and columns first. Numbers below 2 are thus the mirror's group, numbers below 8 the square's.
ORDER: dict[Symmetry, int] = {"none": 1, "mirror": 2, "square": 8}
"""How many views there are."""


def require_square(height: int, width: int) -> None:
    """Refuse images that cannot be turned on themselves.

    Raises
    ------
    InputError
        If height and width differ.
    """
    if height != width:
        raise InputError(
            f"Images of {width} x {height} pixels cannot be turned, because they are not square. "
            "Give their central squares."
        )


def array_views(images: np.ndarray, kind: Symmetry) -> Iterator[np.ndarray]:
    """Return every view of images ``(n, height, width, bands)``, contiguous, in their dtype.

    Parameters
    ----------
    images
        Square if ``kind`` is ``"square"``; they come first.
    kind
        Which views there are.

    Raises
    ------
    InputError
        If images that are not square are to be turned.
    """
    if kind == "square":
        require_square(*images.shape[1:3])
    for number in range(ORDER[kind]):
        view = images.swapaxes(1, 2) if number & 4 else images
        columns = slice(None, None, -1 if number & 1 else 1)
        rows = slice(None, None, -1 if number & 2 else 1)
        yield np.ascontiguousarray(view[:, rows, columns])
