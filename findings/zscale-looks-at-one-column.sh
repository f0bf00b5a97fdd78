#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, numpy 2.4.6.
# Guess: ZScaleInterval takes its thousand samples from all over the image, as the zscale of IRAF and DS9 does with
# its grid of lines and columns.
# What happens: it takes every n-th pixel of the flattened image, n = pixels / 1000. Where the width divides n,
# all samples lie in one column: the first. That is so for 1000 x 1000, 2000 x 2000, 4000 x 4000 and 5000 x 1000,
# not for 1024 x 1024. If that column is overscan or the empty rim of a mosaic, both limits are its value, 0 here,
# and the image has one colour; n_samples=900 gives the limits of the sky.
# Why it matters: zscale is what most tools offer first, for whole frames as for previews of an archive. Round
# sizes are what mosaics and simulations have, and their rims are what has no data.
#
# Output seen:
#   2000 x 2000: samples in 1 column(s), limits 0.0 0.0
#   2000 x 2000, without its first column: limits 82.8 117.1
#   2000 x 2000, n_samples=900: limits 69.6 115.7
#   1024 x 1024: samples in 128 column(s), limits 70.4 115.3
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from astropy.visualization import ZScaleInterval


def columns_seen(height, width):
    """Return how many columns the samples are from, with the step of ZScaleInterval."""
    where = np.tile(np.arange(width, dtype=float), (height, 1))
    step = int(where.size / 1000)
    return len(np.unique(where.ravel()[::step][:1000]))


def sky(size):
    image = np.random.default_rng(0).normal(100, 5, (size, size))
    image[:, 0] = 0
    return image


def told(limits):
    return f"limits {limits[0]:.1f} {limits[1]:.1f}"


image = sky(2000)
blank = ZScaleInterval().get_limits(image)
rest = ZScaleInterval().get_limits(image[:, 1:])
fewer = ZScaleInterval(n_samples=900).get_limits(image)
other = ZScaleInterval().get_limits(sky(1024))
print(f"2000 x 2000: samples in {columns_seen(2000, 2000)} column(s),", told(blank))
print("2000 x 2000, without its first column:", told(rest))
print("2000 x 2000, n_samples=900:", told(fewer))
print(f"1024 x 1024: samples in {columns_seen(1024, 1024)} column(s),", told(other))
assert blank == (0, 0)
for limits in (rest, fewer, other):
    assert 60 < limits[0] < 90 and 110 < limits[1] < 125
PYTHON
