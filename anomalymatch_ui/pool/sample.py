"""What the images of a pool are, told by some from all over it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from anomalymatch_ui.pixels.spec import listed
from anomalymatch_ui.pool.base import ImagePool, UnreadableImageError, suffixes_named

_LOOKED_AT = 64


@dataclass(frozen=True, slots=True)
class Sample:
    """Number formats and sizes of some images.

    Attributes
    ----------
    dtypes
        How many there are of each number format.
    sizes
        How many there are of each size, as in ``"64 x 48"``, width by height.
    """

    dtypes: dict[str, int]
    sizes: dict[str, int]

    def lines(self, pool: ImagePool) -> list[str]:
        """Put into sentences what the images of a pool are, and how they are shown."""
        lines = []
        if self.sizes:
            lines.append(f"Sizes: {_counted(self.sizes)} pixels. Numbers: {_counted(self.dtypes)}.")
        rendering = pool.rendering
        if rendering.bands is not None:
            lines.append(f"Bands: {listed(pool.bands.names)}. {_shown(rendering.rgb, rendering.bands)}")
            if rendering.network == "bands" and len(rendering.bands) > 1:
                lines.append(f"The network sees each of {len(rendering.bands)} bands.")
        elif pool.bands.names == ("grey",) or len(pool.bands) == 1:
            lines.append("One band, shown in grey.")
        if not rendering.is_plain or self.dtypes.keys() - {"uint8"}:
            stretch = "linear" if rendering.stretch == "auto" else rendering.stretch
            lines.append(f"Stretch: {stretch}; {_limits(pool)}.")
        others = pool.report.other_suffixes
        if others:
            lines.append(f"Other files: {sum(others.values()):,} ({suffixes_named(others)}).")
        return lines


def sample_pool(pool: ImagePool) -> Sample:
    """Look at some images; those that cannot be read are left out."""
    dtypes: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for index in np.unique(np.linspace(0, len(pool) - 1, _LOOKED_AT).astype(np.int64)).tolist():
        try:
            values = pool.native(index).values
        except UnreadableImageError:
            continue
        height, width = values.shape[1:]
        dtypes[values.dtype.name] += 1
        sizes[f"{width} x {height}"] += 1
    return Sample(dict(dtypes), dict(sizes))


def _counted(counts: dict[str, int]) -> str:
    ordered = sorted(counts, key=lambda name: -counts[name])
    return ", ".join(ordered[:4]) + (f" and {len(ordered) - 4} others" if len(ordered) > 4 else "")


def _shown(rgb: tuple[object, ...] | None, bands: tuple[str, ...]) -> str:
    if rgb is None:
        return ""
    if all(isinstance(name, str) for name in rgb):
        return f"Red, green and blue: {', '.join(map(str, rgb))}."
    return f"Red, green and blue are weighted sums of {', '.join(bands)}."


def _limits(pool: ImagePool) -> str:
    rendering = pool.rendering
    if rendering.stretch.startswith("fitsbolt-"):
        return "fitsbolt's limits"
    if isinstance(rendering.limits, tuple):
        return f"limits {rendering.limits} for all images"
    if rendering.stretch == "zscale" or rendering.limits == "zscale":
        return "zscale limits of each image"
    if rendering.limits == "minmax":
        return "from the lowest to the highest pixel of each image"
    low, high = rendering.percentiles
    return f"from {low:g} % to {high:g} % of each image's pixels"
