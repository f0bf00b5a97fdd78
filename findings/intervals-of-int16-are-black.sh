#!/usr/bin/env bash
#
# Package: astropy 8.0.2, numpy 2.4.6.
# Guess: calling an interval of astropy.visualization scales any image to 0 ... 1.
# What happens: MinMaxInterval and ZScaleInterval have their limits in the type of the image and subtract them in
# it. For int16 from -20000 to 20000 the span is 40000 and wraps to -25536: all pixels are 0, the image is black.
# All that is said is a RuntimeWarning of numpy. The limits are right; PercentileInterval has limits of float64 and
# is right, as is int16 with a smaller span.
# Why it matters: int16 is what raw frames are in FITS, and one saturated pixel and one dead pixel are enough for
# the span. An interval called by itself is the short way to a preview or to the input of a network.
#
# Output seen:
#   MinMaxInterval: limits -20000 20000, scaled [0.0, 0.0, 0.0], as float [0.0, 0.5, 1.0]
#   ZScaleInterval: limits -20000 20000, scaled [0.0, 0.0, 0.0], as float [0.0, 0.5, 1.0]
#   PercentileInterval: limits -20000 20000, scaled [0.0, 0.5, 1.0], as float [0.0, 0.5, 1.0]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
from astropy.visualization import MinMaxInterval, PercentileInterval, ZScaleInterval

warnings.simplefilter("ignore", RuntimeWarning)
image = np.array([[-20000, 0, 20000]], np.int16)
for interval in (MinMaxInterval(), ZScaleInterval(), PercentileInterval(100)):
    low, high = interval.get_limits(image)
    scaled, wide = (np.abs(interval(values)[0]).tolist() for values in (image, image.astype(float)))
    name = type(interval).__name__
    print(f"{name}: limits {low:.0f} {high:.0f}, scaled {scaled}, as float {wide}")
    assert (low, high) == (-20000, 20000) and wide == [0, 0.5, 1]
    assert scaled == ([0, 0.5, 1] if name == "PercentileInterval" else [0, 0, 0])
small = np.array([[-10000, 0, 10000]], np.int16)
assert MinMaxInterval()(small).tolist() == [[0, 0.5, 1]]
PYTHON
