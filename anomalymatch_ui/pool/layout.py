"""Which axis of an array counts images, which are rows and columns, and which counts bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

MOST_BANDS = 16
"""An image has no more bands: a fourth axis that is longer is none of bands."""

_BAND_AXES = frozenset({"band", "bands", "channel", "channels", "c", "filter", "filters", "wavelength"})


class LayoutError(ValueError):
    """Why an array holds no images: a sentence fragment, such as ``"it has 2 axes"``."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How images lie in the rows of an array.

    Attributes
    ----------
    axes
        ``"nhw"``, ``"nhwc"`` or ``"nchw"``.
    bands, height, width
        Bands, height, and width of each image.
    """

    axes: Literal["nhw", "nhwc", "nchw"]
    bands: int
    height: int
    width: int

    def bands_first(self, rows: np.ndarray) -> np.ndarray:
        """Return rows of the array as ``(n, bands, height, width)``, a view of them."""
        if self.axes == "nhw":
            return rows[:, None]
        return rows.transpose(0, 3, 1, 2) if self.axes == "nhwc" else rows

    def bands_last(self, rows: np.ndarray) -> np.ndarray:
        """Return rows of the array as ``(n, height, width, bands)``, a view of them."""
        if self.axes == "nhw":
            return rows[..., None]
        return rows.transpose(0, 2, 3, 1) if self.axes == "nchw" else rows

    def sentence(self) -> str:
        """Say it to the user, as in ``"3 bands of 64 x 48 pixels (n, band, height, width)"``."""
        axes = {"n": "n", "h": "height", "w": "width", "c": "band"}
        bands = "1 band" if self.bands == 1 else f"{self.bands} bands"
        order = ", ".join(axes[letter] for letter in self.axes)
        return f"{bands} of {self.height} x {self.width} pixels ({order})"


def find_layout(shape: Sequence[int], dtype: np.dtype, names: Sequence[str | None] = ()) -> Layout:
    """Find how images lie in an array.

    With four axes, bands are the axis that is so called; or else the shorter of the second and the last,
    the last if they are of one length.

    Parameters
    ----------
    shape, dtype
        Shape and dtype of the array; the first axis counts the images.
    names
        Names of its axes, as far as the file gives them.

    Raises
    ------
    LayoutError
        If it holds no images.

    Examples
    --------
    >>> find_layout((100, 4, 64, 64), np.dtype("f4")).axes
    'nchw'
    """
    if dtype.kind not in "buif":
        raise LayoutError(f"its values are {dtype.name}, which are no real numbers")
    if len(shape) not in (3, 4):
        axes = "1 axis" if len(shape) == 1 else f"{len(shape)} axes"
        raise LayoutError(
            f"it has {axes}, where images have (n, height, width), (n, height, width, bands) or "
            "(n, bands, height, width)"
        )
    if 0 in shape[1:]:
        raise LayoutError("its images have no pixels")
    if len(shape) == 3:
        return Layout("nhw", 1, shape[1], shape[2])
    if _bands_first(shape, names):
        layout = Layout("nchw", shape[1], shape[2], shape[3])
    else:
        layout = Layout("nhwc", shape[3], shape[1], shape[2])
    if layout.bands > MOST_BANDS:
        raise LayoutError(
            f"neither its second nor its last axis is one of bands, of which {MOST_BANDS} are read"
        )
    return layout


def _bands_first(shape: Sequence[int], names: Sequence[str | None]) -> bool:
    called = [axis for axis, name in enumerate(names) if name and name.casefold() in _BAND_AXES]
    if called in ([1], [3]):
        return called == [1]
    return shape[1] < shape[3]
