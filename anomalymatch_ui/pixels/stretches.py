"""Curves: from native values between limits to 0 to 1. Pure functions on arrays with a mask.

References
----------
.. [1] Lupton et al. 2004, PASP 116, 133, "Preparing Red-Green-Blue Images from CCD Data".
.. [2] fitsbolt 0.3.1, https://github.com/Lasloruhberg/fitsbolt: what its methods compute at their defaults.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from anomalymatch_ui.pixels.limits import LARGEST, Limits, bounded, good_values, minmax_limits, sampled_zscale

Stretch = Literal[
    "auto",
    "linear",
    "sqrt",
    "log",
    "asinh",
    "lupton",
    "percentile",
    "zscale",
    "fitsbolt-asinh",
    "fitsbolt-log",
    "fitsbolt-zscale",
    "fitsbolt-midtones",
    "fitsbolt-linear",
]
"""How a person asks for limits and a curve; those that begin with ``fitsbolt-`` are fitsbolt's [2]_."""

Curve = Literal["linear", "sqrt", "log", "asinh"]

LOG_STRENGTH = 1000.0
"""a of ln(1 + a x) / ln(1 + a), as in DS9, astropy and fitsbolt."""

ASINH_SOFTENING = 0.1
"""a of asinh(x / a) / asinh(1 / a), astropy's default: below a tenth of the range it is nearly linear."""

LUPTON_SOFTENING = 8.0
"""Q of the intensity curve [1]_, astropy's default."""

_FITSBOLT_PERCENTILE = 99.8
_FITSBOLT_SOFTENING = 0.7
_FITSBOLT_MEAN = 0.2


def apply_curve(
    values: np.ndarray, limits: Limits, curve: Curve, softening: float | None = None
) -> np.ndarray:
    """Return values between two limits on a curve from 0 to 1.

    Parameters
    ----------
    values
        Values of any shape and real dtype.
    limits
        Shown as 0 and 1; what lies beyond is clipped.
    curve
        The curve, which rises everywhere: a brighter pixel never comes out darker.
    softening
        a of ``asinh``.

    Returns
    -------
    numpy.ndarray
        float64. NaN and -inf come out as 0, +inf as 1; where the limits coincide everything else as 0.
    """
    return _on_curve(_between(values, limits), curve, softening)


def apply_curves(
    planes: np.ndarray, limits: Sequence[Limits], curve: Curve, softening: float | None = None
) -> np.ndarray:
    """Return bands ``(bands, height, width)``, each between limits of its own; see :func:`apply_curve`."""
    if all(low < high for low, high in limits):  # all at once, in a third of the time
        x = _scaled(planes, *np.array(limits, np.float64).reshape(-1, 2, 1, 1).swapaxes(0, 1))
    else:
        x = np.stack([_between(plane, bounds) for plane, bounds in zip(planes, limits, strict=True)])
    return _on_curve(x, curve, softening)


def _on_curve(x: np.ndarray, curve: Curve, softening: float | None) -> np.ndarray:
    # In place: arrays from 128 kB on cost more to get from the system than to compute.
    if curve == "sqrt":
        np.sqrt(x, out=x)
    elif curve == "log":
        x *= LOG_STRENGTH
        np.log1p(x, out=x)
        x /= math.log1p(LOG_STRENGTH)
    elif curve == "asinh":
        a = ASINH_SOFTENING if softening is None else softening
        x /= a
        np.arcsinh(x, out=x)
        x /= math.asinh(1 / a)
    return x


def lupton(planes: np.ndarray, limits: list[Limits], softening: float | None = None) -> np.ndarray:
    """Return bands stretched by their mean intensity, which keeps their ratios and so their colours [1]_.

    Parameters
    ----------
    planes
        ``(bands, height, width)``.
    limits
        Limits of each band. Nothing is clipped at the upper one: what is too bright is dimmed in all bands
        alike.
    softening
        Q: how much fainter things are lifted.

    Returns
    -------
    numpy.ndarray
        float64, of the same shape, from 0 to 1.
    """
    q = LUPTON_SOFTENING if softening is None else softening
    x = np.stack([_between(plane, bounds, clip=False) for plane, bounds in zip(planes, limits, strict=True)])
    intensity = x.mean(axis=0)
    scale = np.arcsinh(q * intensity) / math.asinh(q)
    with np.errstate(divide="ignore", invalid="ignore"):
        x *= np.where(intensity > 0, scale / intensity, 0.0)
    return np.asarray(x / np.maximum(x.max(axis=0), 1.0))


def fitsbolt(planes: np.ndarray, bad: np.ndarray | None, method: str) -> np.ndarray:
    """Return an image as a method of fitsbolt shows it at its defaults [2]_.

    It takes limits over all bands. Unlike there, bad pixels do not count for the limits.

    Parameters
    ----------
    planes
        ``(bands, height, width)``.
    bad
        bool, of the same shape; ``None`` for none.
    method
        ``asinh``, ``log``, ``zscale``, ``midtones`` or ``linear``.

    Returns
    -------
    numpy.ndarray
        float64, of the same shape, from 0 to 1.
    """
    return _FITSBOLT[method](planes, bad)


def _fitsbolt_linear(planes: np.ndarray, bad: np.ndarray | None) -> np.ndarray:
    return _between(planes, minmax_limits(good_values(planes, bad)))


def _fitsbolt_log(planes: np.ndarray, bad: np.ndarray | None) -> np.ndarray:
    low, high = minmax_limits(good_values(planes, bad))
    return apply_curve(planes, (0.0 if high > 0 else low, high), "log")


def _fitsbolt_asinh(planes: np.ndarray, bad: np.ndarray | None) -> np.ndarray:
    limits = _fitsbolt_limits(planes, bad)
    if not limits[0] < limits[1]:
        limits = minmax_limits(good_values(planes, bad))
        return _between(planes, limits)
    return apply_curve(planes, limits, "asinh", _FITSBOLT_SOFTENING)


def _fitsbolt_zscale(planes: np.ndarray, bad: np.ndarray | None) -> np.ndarray:
    # It samples pixels with their channels last.
    turned = np.moveaxis(planes, 0, -1)
    good = good_values(turned, None if bad is None else np.moveaxis(bad, 0, -1))
    if good.size == 0 or good.min() == good.max():
        return np.zeros(planes.shape)
    return _between(planes, sampled_zscale(good))


def _fitsbolt_midtones(planes: np.ndarray, bad: np.ndarray | None) -> np.ndarray:
    x = _between(planes, _fitsbolt_limits(planes, bad))
    good = good_values(x, bad)
    mean = float(good.mean()) if good.size else 0.0
    if mean == 0:
        return np.zeros(planes.shape)
    balance = (mean - _FITSBOLT_MEAN * mean) / (mean - 2 * _FITSBOLT_MEAN * mean + _FITSBOLT_MEAN)
    with np.errstate(divide="ignore", invalid="ignore"):
        shown = np.nan_to_num((balance - 1) * x / ((2 * balance - 1) * x - balance), nan=0.0, posinf=1.0)
    return _between(shown, minmax_limits(good_values(shown, bad)))


_FITSBOLT: dict[str, Callable[[np.ndarray, np.ndarray | None], np.ndarray]] = {
    "asinh": _fitsbolt_asinh,
    "linear": _fitsbolt_linear,
    "log": _fitsbolt_log,
    "midtones": _fitsbolt_midtones,
    "zscale": _fitsbolt_zscale,
}


def _fitsbolt_limits(planes: np.ndarray, bad: np.ndarray | None) -> Limits:
    """Return the lowest and the highest limit of any band; its percentiles round towards the faint."""
    found = []
    clipped = (100 - _FITSBOLT_PERCENTILE) / 2
    for place, plane in enumerate(planes):
        good = good_values(plane, None if bad is None else bad[place])
        if good.size:
            first, last = (int(share / 100 * (good.size - 1)) for share in (clipped, 100 - clipped))
            parted = np.partition(good, (first, last))
            found.append((bounded(float(parted[first])), bounded(float(parted[last]))))
    return (min(low for low, _ in found), max(high for _, high in found)) if found else (0.0, 0.0)


def _between(values: np.ndarray, limits: Limits, *, clip: bool = True) -> np.ndarray:
    """Return values scaled so that the limits are 0 and 1, with nothing below 0."""
    low, high = limits
    if not low < high:
        return np.where(_wide(values) == np.inf, 1.0, 0.0)
    return _scaled(values, low, high, clip=clip)


def _scaled(
    values: np.ndarray, low: float | np.ndarray, high: float | np.ndarray, *, clip: bool = True
) -> np.ndarray:
    """Return values scaled so that ``low`` and ``high``, which differ, are 0 and 1."""
    wide = _wide(values)
    if not clip:
        wide[wide == np.inf] = high
    # In place, and by fmax, which takes NaN for the lower limit: half the time of nan_to_num and clip.
    np.fmax(wide, low, out=wide)
    np.minimum(wide, high if clip else LARGEST, out=wide)
    wide -= low
    wide /= high - low
    return wide


def _wide(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):  # of signalling NaNs
        return values.astype(np.float64)
