"""What torch and OpenVINO have to agree on where they average maps over a part of the frame."""

from __future__ import annotations

import numpy as np

CENTRE_RADIUS = 0.17
"""Standard deviation of the centre's weights, in half-widths of the frame: a cutout's object, not its sky."""

LEAST_FLUX = 1e-6
"""Added to each place, so that a frame without a source is averaged evenly."""

LEAST_VARIANCE = 1e-8
"""Of a channel: a standard deviation has no slope at zero."""

_EDGE = 0.1  # of the frame's width, on each side, that tells the background


def inner_pixels(height: int, width: int) -> np.ndarray:
    """Return which pixels are not at the edge that tells the background, bool ``(height, width)``."""
    rows, columns = max(1, round(_EDGE * height)), max(1, round(_EDGE * width))
    inner = np.zeros((height, width), bool)
    inner[rows : height - rows, columns : width - columns] = True
    return inner
