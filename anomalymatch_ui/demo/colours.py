"""How exposures of three bands become a colour picture: Lupton et al. 2004, PASP 116, 133."""

from __future__ import annotations

import math
from typing import Any

BANDS = ("g", "r", "i")
"""Of a scene and of an exposure, in the order of their planes."""

WEIGHTS = (1.45, 1.0, 0.72)
"""Of g, r and i in the picture, chosen so that a Sun-like star comes out white."""

MINIMUM, STRETCH, SOFTENING = -3.0, 120.0, 8.0
"""As :func:`astropy.visualization.make_lupton_rgb` takes them; the last is its Q."""


def picture_options() -> dict[str, Any]:
    """Return the options of pixels by which an exposure looks as in the survey's pictures.

    Astropy's curve is asinh(Q I / stretch), and it reaches a tenth of white at a tenth of the stretch. So
    white is where it is ten times as high as there, and between the minimum and white it is the stretch
    ``lupton``. Pixels differ only where a band is below the minimum, which counts there and not here.
    """
    softening = math.sinh(10 * math.asinh(0.1 * SOFTENING))
    white = softening * STRETCH / SOFTENING
    limits = tuple((MINIMUM / weight, (MINIMUM + white) / weight) for weight in reversed(WEIGHTS))
    return {"bands": tuple(reversed(BANDS)), "stretch": "lupton", "limits": limits, "softening": softening}
