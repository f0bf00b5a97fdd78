#!/usr/bin/env bash
#
# Package: photutils 3.0.0, astropy 8.0.2, numpy 2.4.6, scipy 1.17.1.
# Guess: a SkyCircularAperture of many positions has its radius in pixels worked out where each object is.
# What happens: one scale is taken for all of them, that of the *first* position. Sort the catalogue the
# other way round and every flux changes.
# Why it matters: in a TESS-like camera (21 arcsec pixels, gnomonic) a flat sky gives 2.3 % more flux to
# the same aperture when an object 7 degrees off the axis comes first. A light curve measured one object at
# a time disagrees with the same table measured at once.
#
# Output seen:
#   centre first: radius 3.0000 px, fluxes (centre, edge) [28.2743 28.2743]
#   edge first: radius 3.0345 px, fluxes (centre, edge) [28.9277 28.9277]
#   ratio: [1.0231 1.0231]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    photutils==3.0.0 astropy==8.0.2 numpy==2.4.6 scipy==1.17.1
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from photutils.aperture import SkyCircularAperture, aperture_photometry

camera = WCS(naxis=2)
camera.wcs.ctype = ["RA---TAN", "DEC--TAN"]
camera.wcs.crval = [0, 0]
camera.wcs.crpix = [1000, 1000]
camera.wcs.cdelt = [-21 / 3600, 21 / 3600]
objects = SkyCoord([0, 5], [0, 5], unit="deg")
flat = np.ones((2000, 2000))
fluxes = {}
for name, order in (("centre first", slice(None)), ("edge first", slice(None, None, -1))):
    apertures = SkyCircularAperture(objects[order], 63 * u.arcsec)
    fluxes[name] = np.array(aperture_photometry(flat, apertures, wcs=camera)["aperture_sum"])[order]
    print(f"{name}: radius {apertures.to_pixel(camera).r:.4f} px, fluxes (centre, edge) {fluxes[name].round(4)}")
ratio = fluxes["edge first"] / fluxes["centre first"]
print("ratio:", ratio.round(4))
assert np.all(np.abs(np.diff(fluxes["centre first"])) < 1e-6)
assert np.all((ratio > 1.02) & (ratio < 1.03))
PYTHON
