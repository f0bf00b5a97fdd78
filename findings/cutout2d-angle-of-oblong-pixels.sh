#!/usr/bin/env bash
#
# Package: astropy 8.0.2, numpy 2.4.6.
# Guess: a Cutout2D of 0.1 x 0.1 degrees has 0.1 x 0.1 degrees, and where pixels are four times as high as wide it
# has four times as many columns as rows.
# What happens: the scale of the columns is used for the rows and the other way round. The cutout has 100 rows of
# 0.004 degrees and 25 columns of 0.001: 0.4 degrees high and 0.025 wide. The WCS of the cutout is right and says
# so. Square pixels hide it.
# Why it matters: scanning instruments, slitless spectra, binned frames and maps in CAR or with other steps in
# longitude and latitude have oblong pixels. The cutout is 16 times as oblong as it was asked to be; its object is
# cut off to the sides.
#
# Output seen:
#   asked for 0.1 x 0.1 deg: 100 rows, 25 columns, on the sky 0.400 deg high, 0.025 deg wide
#   asked for 0.2 high, 0.1 wide: 200 rows, 25 columns, on the sky 0.800 deg high, 0.025 deg wide
#   square pixels, 0.1 x 0.1 deg: 100 rows, 100 columns, on the sky 0.100 deg high, 0.100 deg wide
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.nddata import Cutout2D
from astropy.wcs import WCS


def look(name, height, size):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [10, 0], [200.5, 200.5], [-0.001, height]
    cutout = Cutout2D(np.zeros((400, 400)), SkyCoord(10, 0, unit="deg"), size * u.deg, wcs=wcs)
    rows, columns = cutout.shape
    corner, right, top = cutout.wcs.pixel_to_world([0, columns, 0], [0, 0, rows])
    high, wide = corner.separation(top).deg, corner.separation(right).deg
    print(f"{name}: {rows} rows, {columns} columns, on the sky {high:.3f} deg high, {wide:.3f} deg wide")
    return high, wide


assert np.allclose(look("asked for 0.1 x 0.1 deg", 0.004, np.array([0.1, 0.1])), (0.4, 0.025), atol=1e-3)
assert np.allclose(look("asked for 0.2 high, 0.1 wide", 0.004, np.array([0.2, 0.1])), (0.8, 0.025), atol=1e-3)
assert np.allclose(look("square pixels, 0.1 x 0.1 deg", 0.001, np.array([0.1, 0.1])), (0.1, 0.1), atol=1e-3)
PYTHON
