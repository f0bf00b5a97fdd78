"""What the browser's controls of stretch and bands are told of a pool, and what they ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from anomalymatch_ui.app.looking.natives import holds_native_values, samples
from anomalymatch_ui.config import PixelsConfig
from anomalymatch_ui.pixels import NativeImage, Rendering
from anomalymatch_ui.pixels.limits import good_values, percentile_limits
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.session.search.showing import Showing

_PERCENTILES = (0.1, 99.9)


class Stretching:
    """Stretch and bands of one pool.

    Parameters
    ----------
    pool
        The images.
    showing
        How they are shown.
    """

    def __init__(self, pool: ImagePool, showing: Showing) -> None:
        self._pool = pool
        self._showing = showing
        self._levels = _levels(samples(pool)) if holds_native_values(pool) else None

    @property
    def offered(self) -> bool:
        """Whether there are native values to stretch; of plain pictures there are none."""
        return self._levels is not None

    def state(self) -> dict[str, Any]:
        """Return what the controls show; empty where they are not offered.

        Returns
        -------
        dict
            ``bands``: names from red to blue; ``units``: of each, or ``None``; ``levels``: black and white
            of each in the images' own units, as of a few of them; ``shown`` and ``network``: renderings;
            ``own``: whether they differ.
        """
        if self._levels is None:
            return {}
        bands = self._pool.bands.chosen(tuple(reversed(self._pool.bands.by_colour())))
        # As the rendering spells them, which may call an extension R by r.
        spelled = {bands.position(name): name for name in self._pool.rendering.bands or ()}
        return {
            "bands": [spelled.get(place, band.name) for place, band in enumerate(bands)],
            "units": [band.unit for band in bands],
            "levels": [self._levels.get(band.name, (0.0, 1.0)) for band in bands],
            "shown": self._showing.rendering.model_dump(mode="json"),
            "network": self._pool.rendering.model_dump(mode="json"),
            "own": self._showing.is_own,
        }


def asked_rendering(values: Mapping[str, Any] | None) -> Rendering | None:
    """Return the rendering that a browser asks for; ``None`` is as the network sees the images.

    Raises
    ------
    InputError
        If it is none, with the reason.
    """
    return None if values is None else PixelsConfig.of(values).rendering


def _levels(images: Sequence[NativeImage]) -> dict[str, tuple[float, float]]:
    """Return the median of the images' black and white, by band."""
    found: dict[str, list[tuple[float, float]]] = {}
    for image in images:
        bad = [None] * len(image.bands) if image.bad is None else image.bad
        for band, plane, masked in zip(image.bands, image.values, bad, strict=True):
            limits = percentile_limits(good_values(plane, masked), *_PERCENTILES)
            found.setdefault(band.name, []).append(limits)
    medians = {name: np.median(limits, axis=0).tolist() for name, limits in found.items()}
    return {name: (low, high) if low < high else (low, low + 1) for name, (low, high) in medians.items()}
