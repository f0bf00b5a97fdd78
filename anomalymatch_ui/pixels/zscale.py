"""Limits by IRAF's zscale, as astropy defines them, without its general least squares.

A page of 100 cutouts of three bands asks for 300 of them. By :class:`astropy.visualization.ZScaleInterval`
each takes 2.6 ms, nearly all of it in ``polyfit``; a line through values in order has a closed form.
"""

from __future__ import annotations

import math

import numpy as np

_SAMPLES = 1000
_CONTRAST = 0.25
_MOST_REJECTED = 0.5
_LEAST_SAMPLES = 5
_REJECTED_SIGMAS = 2.5
_ITERATIONS = 5
_GROWN = 0.01


def zscale(values: np.ndarray) -> tuple[float, float]:
    """Return what zscale shows as black and as white.

    A line is fitted to a sample of the values in their order, without those that lie too far from it. The
    limits are where it reaches from the median with a slope that the contrast makes steeper; they do not lie
    beyond the sample.

    Parameters
    ----------
    values
        float64 ``(n,)``, at least one, finite; the difference of any two is finite.
    """
    sample = np.sort(values[:: max(1, values.size // _SAMPLES)][:_SAMPLES])
    low, high = float(sample[0]), float(sample[-1])
    slope = _slope((sample - low) / (high - low)) if low < high else None
    if slope is None:
        return low, high
    # In steps of the sample: divided before it is multiplied, which could overflow.
    slope *= (high - low) / _CONTRAST
    middle = (sample.size - 1) // 2
    median = float(sample[middle] / 2 + sample[sample.size // 2] / 2)
    return max(low, median - (middle - 1) * slope), min(high, median + (sample.size - middle) * slope)


def _slope(sample: np.ndarray) -> float | None:
    """Return the slope of the line through a sample from 0 to 1; ``None`` if too little is near to it."""
    count = sample.size
    least = max(_LEAST_SAMPLES, int(count * _MOST_REJECTED))
    places = np.arange(count, dtype=np.float64)
    good = np.ones(count)  # 1 or 0: weights, for sums by products are faster than parts of arrays
    kept, before, slope = count, count + 1, None
    for _ in range(_ITERATIONS):
        if kept >= before or kept < least:
            break
        x = places - good @ places / kept
        weighted = good * x
        slope = float(weighted @ sample / (weighted @ x))
        flat = sample - slope * x
        flat -= good @ flat / kept
        threshold = _REJECTED_SIGMAS * math.sqrt(good @ np.square(flat) / kept)
        bad = np.abs(flat) > threshold
        bad |= good == 0
        good = (~_grown(bad, max(1, int(count * _GROWN)))).astype(np.float64)
        kept, before = int(good.sum()), kept
    return slope if kept >= least else None


def _grown(bad: np.ndarray, width: int) -> np.ndarray:
    """Return where a window of some width has anything bad, as ``numpy.convolve`` in its mode ``same``."""
    before = width - 1 - (width - 1) // 2
    counted = np.zeros(
        bad.size + width, np.int64
    )  # how many are bad ahead of each place, beyond the ends, too
    np.cumsum(bad, out=counted[before + 1 : before + 1 + bad.size])
    counted[before + 1 + bad.size :] = counted[before + bad.size]
    return np.asarray(counted[width:] > counted[:-width])
