#!/usr/bin/env bash
#
# Package: astropy 8.0.2, numpy 2.4.6.
# Guess: `wcs[::2, ::2]` describes the array `data[::2, ::2]`, whether the header has CDELT or a CD matrix.
# What happens: with CDELT or PC the scale doubles (and the grid is that of 2 x 2 bins, half an old pixel
# off the pixels that were kept). With a CD matrix the reference pixel moves but the matrix is left alone:
# the scale stays what it was. The only sign is a RuntimeWarning, "cdelt will be ignored since cd is
# present". `CCDData[::4, ::4]` inherits this and writes it to disk as PC and CDELT, where nothing tells it
# from a right header.
# Why it matters: most CCD headers have a CD matrix. A quick-look or thinned image has its sources in the
# wrong places by up to half of the field, and a cross-match finds other objects.
#
# Output seen:
#   CDELT: scale 0.72 arcsec, Dec of old pixel 0: 1.95010, of old 0.5: 1.95015, of new pixel 0: 1.95015
#   CD   : scale 0.36 arcsec, Dec of old pixel 0: 1.95010, of old 0.5: 1.95015, of new pixel 0: 1.97507
#   CCDData[::4, ::4] on disk: 250 pixels, PC2_2 0.0001, CDELT2 1.0
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
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.wcs import WCS

warnings.filterwarnings("ignore", message="cdelt will be ignored since cd is present")
COMMON = dict(NAXIS=2, NAXIS1=1000, NAXIS2=1000, CTYPE1="RA---TAN", CTYPE2="DEC--TAN",
              CRVAL1=150.0, CRVAL2=2.0, CRPIX1=500.0, CRPIX2=500.0)
CARDS = {"CDELT": dict(CDELT1=-1e-4, CDELT2=1e-4),
         "CD": dict(CD1_1=-1e-4, CD1_2=0.0, CD2_1=0.0, CD2_2=1e-4)}
dec = {}
for kind, cards in CARDS.items():
    header = fits.Header()
    header.update(COMMON | cards)
    full = WCS(header)
    thin = full[::2, ::2]
    dec[kind] = [float(w.wcs_pix2world(x, x, 0)[1]) for w, x in ((full, 0), (full, 0.5), (thin, 0))]
    print(f"{kind:5}: scale {thin.proj_plane_pixel_scales()[0].to_value('arcsec'):.2f} arcsec, "
          f"Dec of old pixel 0: {dec[kind][0]:.5f}, of old 0.5: {dec[kind][1]:.5f}, "
          f"of new pixel 0: {dec[kind][2]:.5f}")

corner, bin_centre, new = dec["CDELT"]
assert abs(new - bin_centre) < 1e-9 and abs(new - corner) > 4e-5
corner, bin_centre, new = dec["CD"]
assert abs(new - 1.97507) < 1e-5 and abs(new - corner) > 0.024

header = fits.Header()
header.update(COMMON | CARDS["CD"])
image = CCDData(np.zeros((1000, 1000)), unit="adu", wcs=WCS(header))
image[::4, ::4].write("thin.fits")
written = fits.getheader("thin.fits")
print(f"CCDData[::4, ::4] on disk: {written['NAXIS1']} pixels, PC2_2 {written['PC2_2']}, CDELT2 {written['CDELT2']}")
assert written["NAXIS1"] == 250 and written["PC2_2"] * written["CDELT2"] == 1e-4
PYTHON
