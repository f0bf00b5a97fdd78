#!/usr/bin/env bash
#
# Package: astropy 8.0.2, numpy 2.4.6.
# Guess: Cutout2D.to_cutout_position gives the place in the cutout of a place in the image, and
# to_original_position the way back, in every mode; they agree with the WCS of the cutout.
# What happens: with mode="partial" the cutout is filled up on the left and below where it reaches over the edge,
# and the two methods do not count what was filled in. A star in column 35 of the cutout is told to be in column
# 20, off by the 15 columns that lie outside; the way back has the same error, so that a round trip is right. The
# WCS of the cutout and its input_position_cutout are right.
# Why it matters: mode="partial" is what gives all cutouts one shape. Catalogue positions, segments and markers
# laid onto the cutouts of objects near the left and lower edges are on another source, everywhere else they fit.
#
# Output seen:
#   inside: star in column 20, told 20.0, WCS 20.0
#   over the right edge: star in column 20, told 20.0, WCS 20.0
#   over the left edge: star in column 35, told 20.0, WCS 35.0
#   over the left edge, column 35 is in column 35 of the image, by the method; the star is in column 20 of it
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from astropy.nddata import Cutout2D
from astropy.wcs import WCS

wcs = WCS(naxis=2)
wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [10, 20], [100, 100], [-0.001, 0.001]
for name, centre, star in (("inside", 100, 100), ("over the right edge", 190, 190), ("over the left edge", 5, 20)):
    image = np.zeros((200, 200))
    image[100, star] = 1
    cutout = Cutout2D(image, (centre, 100), 41, wcs=wcs, mode="partial")
    column = int(np.argwhere(cutout.data == 1)[0][1])
    told = float(cutout.to_cutout_position((star, 100))[0])
    by_wcs = round(float(cutout.wcs.world_to_pixel(wcs.pixel_to_world(star, 100))[0]), 3)
    print(f"{name}: star in column {column}, told {told}, WCS {by_wcs}")
    assert column == by_wcs
    assert told - column == (-15 if name == "over the left edge" else 0)
back = int(cutout.to_original_position((column, 20))[0])
print(
    f"over the left edge, column {column} is in column {back} of the image, by the method;"
    f" the star is in column {star} of it"
)
assert back == star + 15
PYTHON
