"""One image's native values, packed for the browser, which stretches them itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from anomalymatch_ui.pixels import RGB, NativeImage, Rendering

LARGEST_SIDE = 1024
"""Pixels. Larger images are sent as means: four bands of that size in float32 are 16 MB."""

_CURVES = {"fitsbolt-asinh": "asinh", "fitsbolt-log": "log"}
_KNOWN = ("linear", "sqrt", "log", "asinh", "lupton")
_SOFTENING = {"asinh": 0.1, "lupton": 8.0, "fitsbolt-asinh": 0.7}


@dataclass(frozen=True, slots=True)
class PackedValues:
    """Values of an image and how they are shown at first.

    Attributes
    ----------
    described
        ``bands``: a name and a unit each; ``dtype``: ``"float16"`` or ``"float32"``, little-endian;
        ``width`` and ``height`` of what is sent; ``reduced``: each value is the mean of so many by so many
        pixels; ``limits``: black and white of each band; ``curve`` and ``softening``; ``rgb``: the weights of
        the bands in red, green and blue.
    values
        ``(bands, height, width)``.
    bad
        uint8 of the same shape, 1 where a pixel means nothing; empty if all do.
    """

    described: dict[str, Any]
    values: bytes
    bad: bytes


def packed(image: NativeImage, rendering: Rendering, within: NativeImage | None = None) -> PackedValues:
    """Pack an image.

    Parameters
    ----------
    image
        In all its bands.
    rendering
        As the page shows it, bound to the bands of the pool.
    within
        A part of the image, between whose limits it is shown; ``None`` for its own.

    Raises
    ------
    PixelError
        If the image lacks a band of the rendering.
    """
    limits, weights = _limits(within or image, rendering), _weights(image, rendering)
    values, bad, reduced = _reduced(image)
    dtype = "float16" if _fits_half(values) else "float32"
    stretch = _CURVES.get(rendering.stretch, rendering.stretch)
    described = {
        "bands": [{"name": band.name, "unit": band.unit} for band in image.bands],
        "dtype": dtype,
        "width": values.shape[2],
        "height": values.shape[1],
        "reduced": reduced,
        "limits": limits,
        "curve": stretch if stretch in _KNOWN else "linear",
        "softening": rendering.softening or _SOFTENING.get(rendering.stretch),
        "rgb": weights,
    }
    sent = values.astype(f"<f{2 if dtype == 'float16' else 4}").tobytes()
    return PackedValues(described, sent, bad.astype(np.uint8).tobytes() if bad.any() else b"")


def _limits(image: NativeImage, rendering: Rendering) -> list[tuple[float, float]]:
    """Return black and white of every band, also of those that the page does not show."""
    if rendering.stretch == "auto" and image.values.dtype == np.uint8:
        return [(0.0, 255.0)] * len(image.bands)
    names = image.bands.names
    given = rendering.limits if isinstance(rendering.limits, tuple) else ()
    own = (
        dict(zip(rendering.bands or (), given, strict=False)) if given and isinstance(given[0], tuple) else {}
    )
    found = rendering.model_copy(
        update={
            "bands": names,
            "rgb": ((0.0,) * len(names),) * 3,
            **({"limits": "percentile"} if own else {}),
        }
    ).limits_of(image)
    named = {image.bands.position(name): pair for name, pair in own.items()}
    pairs = [named.get(place, limits) for place, limits in enumerate(found)]
    return [(float(low), float(high)) for low, high in pairs]


def _weights(image: NativeImage, rendering: Rendering) -> list[list[float]]:
    """Return how much of each band is in red, green and blue."""
    names = image.bands.names
    if rendering.rgb is None or rendering.bands is None:
        places = (0, 1, 2) if names == RGB.names else (0, 0, 0)
        return [[float(band == place) for band in range(len(names))] for place in places]
    rows = []
    for part in rendering.rgb:
        row = [0.0] * len(names)
        weighted = {part: 1.0} if isinstance(part, str) else dict(zip(rendering.bands, part, strict=True))
        for name, weight in weighted.items():
            if weight:
                row[image.bands.position(name)] += weight
        rows.append(row)
    return rows


def _reduced(image: NativeImage) -> tuple[np.ndarray, np.ndarray, int]:
    """Return values, which of them are bad, and of how many pixels a side each is the mean."""
    values = image.values
    bad = np.zeros(values.shape, bool) if image.bad is None else image.bad
    if values.dtype.kind == "f":
        bad = bad | ~np.isfinite(values)
    side = math.ceil(max(values.shape[1:]) / LARGEST_SIDE)
    if side == 1:
        return values, bad, 1
    planes = [_means(plane, masked, side) for plane, masked in zip(values, bad, strict=True)]
    means = np.stack(planes)
    return means, np.isnan(means), side


def _means(plane: np.ndarray, bad: np.ndarray, side: int) -> np.ndarray:
    """Return the means of the good pixels of squares, float32; NaN where there are none."""
    height, width = plane.shape
    padding = ((0, -height % side), (0, -width % side))
    good = np.pad(~bad, padding)
    filled = np.pad(np.where(bad, 0, plane).astype(np.float64), padding)
    shape = (good.shape[0] // side, side, good.shape[1] // side, side)
    counts = good.reshape(shape).sum(axis=(1, 3))
    with np.errstate(invalid="ignore"):
        means = filled.reshape(shape).sum(axis=(1, 3)) / counts
    return np.asarray(means, np.float32)


def _fits_half(values: np.ndarray) -> bool:
    """Return whether float16 holds every value, so that half the bytes do."""
    if values.dtype in (np.uint8, np.float16):
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        half = values.astype(np.float16)
    return np.array_equal(
        half.astype(np.float64), values.astype(np.float64), equal_nan=values.dtype.kind == "f"
    )
