"""Whether the images of a pool are cutouts about an object: how much of their light lies near the centre."""

from __future__ import annotations

import numpy as np

CENTRED = 0.4
"""Median share of the light near the centre, from which on a pool's images are cutouts about an object.

Evenly spread light has 0.2 there. See :func:`measure_centring`.
"""

_RADIUS = 0.5  # of what is near, in half-widths of the frame: a fifth of its area
_AT_ONCE = 32  # images: a thousand of 96 px would take 270 MB as float64, and as much beside
_EDGE = 0.1  # of the width, on each side: what is brighter than there is light of a source


def measure_centring(pixels: np.ndarray) -> bool:
    """Return whether a sample of a pool's images shows one object each, at the centre.

    Parameters
    ----------
    pixels
        ``(n, bands, height, width)``; NaN counts as dark. Frames without light do not count.
    """
    return is_centred(light_at_centre(pixels))


def is_centred(shares: np.ndarray) -> bool:
    """Return the same, of what :func:`light_at_centre` gives of the sample, float64 ``(n,)``."""
    known = shares[~np.isnan(shares)]
    return len(known) > 0 and bool(np.median(known) >= CENTRED)


def light_at_centre(pixels: np.ndarray) -> np.ndarray:
    """Return the share of each image's light above its edge that lies within half a half-width of the centre.

    Parameters
    ----------
    pixels
        ``(n, bands, height, width)``.

    Returns
    -------
    numpy.ndarray
        float64 ``(n,)``; NaN for a frame no part of which is brighter than its edge.
    """
    shares = np.empty(len(pixels))
    for start in range(0, len(pixels), _AT_ONCE):
        shares[start : start + _AT_ONCE] = _light_at_centre(pixels[start : start + _AT_ONCE])
    return shares


def _light_at_centre(pixels: np.ndarray) -> np.ndarray:
    grey = np.nan_to_num(np.asarray(pixels, np.float64)).mean(axis=1)
    height, width = grey.shape[1:]
    rows, columns = max(1, round(_EDGE * height)), max(1, round(_EDGE * width))
    inner = np.zeros((height, width), bool)
    inner[rows : height - rows, columns : width - columns] = True
    light = np.maximum(grey - np.median(grey[:, ~inner], axis=1)[:, None, None], 0)
    y, x = ((np.arange(side) + 0.5) * 2 / side - 1 for side in (height, width))
    near = np.hypot(y[:, None], x) <= _RADIUS
    total, share = light.sum(axis=(1, 2)), np.full(len(grey), np.nan)
    np.divide(light[:, near].sum(axis=1), total, out=share, where=total > 0)
    return share
