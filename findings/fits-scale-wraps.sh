#!/usr/bin/env bash
#
# Package: astropy 8.0.2, numpy 2.4.6.
# Guess: hdu.scale("int16") of an image of floats cuts what does not fit at 32767 or refuses, as CFITSIO does when
# it writes floats into an image of 16 bits (status 412, numerical overflow).
# What happens: the values are rounded and cast. What is too large for the type starts again from the other end: a
# star of 40000 is -25536, one of 65536 is the sky's 0, and a sky of -5 in uint8 is 251. No warning or error.
# Why it matters: scale is the documented way to make small files, and calibrated frames have a few stars beyond
# the range. The brightest pixels become the darkest, and a threshold finds nothing there.
#
# Output seen:
#   int16: [-5, 100, 32767, 40000, 65536] -> [-5, 100, 32767, -25536, 0]
#   uint8: [-5, 100, 32767, 40000, 65536] -> [251, 100, 255, 64, 0]
#   warnings: 0
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

pixels = [-5, 100, 32767, 40000, 65536]
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    for dtype, seen in (("int16", [-5, 100, 32767, -25536, 0]), ("uint8", [251, 100, 255, 64, 0])):
        hdu = fits.PrimaryHDU(np.array([pixels], float))
        hdu.scale(dtype)
        hdu.writeto(f"{dtype}.fits")
        got = fits.getdata(f"{dtype}.fits")[0].astype(int).tolist()
        print(f"{dtype}: {pixels} -> {got}")
        assert got == seen
print("warnings:", len(told))
assert not told
PYTHON
