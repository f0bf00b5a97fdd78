#!/usr/bin/env bash
#
# Package: astropy 8.0.2, numpy 2.4.6.
# Guess: the WCS of a Cutout2D gives the same sky position for a pixel as the WCS of the full image.
# What happens: with a lookup-table distortion (CPDIS, D2IM: the paper-IV tables of HST ACS, WFC3 and
# WFPC2) the cutout reads the table as though its corner were the corner of the detector. `wcs[y0:y1,
# x0:x1]` shifts the table and is right, so astropy disagrees with itself.
# Why it matters: positions of objects in HST cutouts are off by the slope of the table over the whole
# offset. In this table (0.5 pixel a node) it is two pixels, and no warning is given.
#
# Output seen:
#   RA of one pixel: full image 150.00467784, slice of the WCS 150.00467784, Cutout2D 150.00487796
#   Cutout2D is 2.00 pixels off
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
from astropy.wcs import WCS, DistortionLookupTable

full = WCS(naxis=2)
full.wcs.ctype = ["RA---TAN", "DEC--TAN"]
full.wcs.crval = [150.0, 2.0]
full.wcs.crpix = [500, 500]
full.wcs.cdelt = [-1e-4, 1e-4]
full.pixel_shape = (1000, 1000)
ramp = np.tile(np.arange(11, dtype=np.float32) * 0.5, (11, 1))
full.cpdis1 = DistortionLookupTable(ramp, (1, 1), (1, 1), (100, 100))
full.cpdis2 = DistortionLookupTable(np.zeros_like(ramp), (1, 1), (1, 1), (100, 100))

cutout = Cutout2D(np.zeros((1000, 1000)), position=(450, 450), size=100, wcs=full)
sliced = full[400:500, 400:500]
assert cutout.origin_original == (400, 400)
want = float(full.all_pix2world(450, 450, 0)[0])
from_cutout = float(cutout.wcs.all_pix2world(50, 50, 0)[0])
from_slice = float(sliced.all_pix2world(50, 50, 0)[0])
print(f"RA of one pixel: full image {want:.8f}, slice of the WCS {from_slice:.8f}, Cutout2D {from_cutout:.8f}")
off = (from_cutout - want) / 1e-4
print(f"Cutout2D is {off:.2f} pixels off")
assert abs(from_slice - want) < 1e-9
assert abs(off - 2.0) < 0.01
PYTHON
