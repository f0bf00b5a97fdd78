"""Raw pixels -> the uint8 that network and person both see. The only implementation of that step."""

from __future__ import annotations

import numpy as np

_LARGEST = np.finfo(np.float64).max / 4
"""Finite values beyond it are brought to it, so that the difference of any two is finite."""


def to_uint8(array: np.ndarray, low_percentile: float = 0.1, high_percentile: float = 99.9) -> np.ndarray:
    """Stretch raw pixel values linearly onto 0 to 255.

    The cuts are the percentiles of the finite pixels, taken as values that occur in the image (the next
    one outwards). What lies beyond them is clipped. The stretch is monotone: a brighter pixel never
    comes out darker.

    Parameters
    ----------
    array
        Pixel values of one image, of any shape and any real dtype. Several bands share one stretch.
    low_percentile, high_percentile
        Percentiles shown as 0 and as 255. By default four pixels of a 64 x 64 cutout may be clipped at
        either end: enough for hot pixels and cosmic rays, too few for the core of a galaxy.

    Returns
    -------
    numpy.ndarray
        uint8, of the shape of ``array``. An ``array`` that is uint8 already is given back untouched.
        NaN and -inf come out as 0, +inf as 255, and an image of one value as zeros. Where the cuts
        coincide, as with one small source on an empty sky, the extremes take their place.

    Raises
    ------
    ValueError
        If the percentiles are not in order within 0 to 100.
    TypeError
        If the values are not real numbers.
    """
    if not 0 <= low_percentile < high_percentile <= 100:
        raise ValueError(
            f"percentiles must be 0 <= low < high <= 100, not {low_percentile} and {high_percentile}"
        )
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind not in "buif":
        raise TypeError(f"pixel values must be real numbers, not {array.dtype}")
    with np.errstate(over="ignore", invalid="ignore"):  # of long doubles and signalling NaNs
        values = array.astype(np.float64)
    finite = values[np.isfinite(values)]
    low, high = _cuts(np.clip(finite, -_LARGEST, _LARGEST), low_percentile, high_percentile)
    if low == high:
        return np.where(values == np.inf, 255, 0).astype(np.uint8)
    shown = np.clip(np.nan_to_num(values, nan=low, posinf=high, neginf=low), low, high)
    return np.rint((shown - low) / (high - low) * 255).astype(np.uint8)


def _cuts(finite: np.ndarray, low_percentile: float, high_percentile: float) -> tuple[float, float]:
    """Give the values shown as 0 and 255, equal if there is nothing to tell apart."""
    if finite.size == 0:
        return 0.0, 0.0
    # Without interpolation: between huge neighbours it would overflow.
    low = float(np.percentile(finite, low_percentile, method="lower"))
    high = float(np.percentile(finite, high_percentile, method="higher"))
    return (low, high) if low < high else (float(finite.min()), float(finite.max()))
