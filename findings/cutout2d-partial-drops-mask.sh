#!/usr/bin/env bash
#
# Package: astropy 8.0.2, numpy 2.4.6.
# Guess: wherever it lies, a Cutout2D of a masked array has its mask, and one of a Quantity its unit.
# What happens: mode="partial", by which all cutouts have one shape, keeps both only inside the image. Where the
# cutout reaches over the edge it gives a plain array: what lies off the image is NaN, the values beneath the
# mask are ordinary pixels, and the unit is gone. mode="trim" keeps the mask there.
# Why it matters: masked are saturated cores, cosmic rays and ghosts. A test with an object in the middle
# passes, and along the edges of every frame they are back as the brightest pixels of their images.
#
# Output seen:
#   inside, trim: MaskedArray, masked pixels 1, brightest 1.0
#   inside, partial: MaskedArray, masked pixels 1, brightest 1.0
#   over the edge, trim: MaskedArray, masked pixels 1, brightest 1.0
#   over the edge, partial: ndarray, masked pixels 0, brightest 60000.0
#   inside, partial: Quantity in Jy
#   over the edge, partial: ndarray without a unit
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
from astropy.nddata import Cutout2D

pixels = np.ones((20, 20))
pixels[3, 3] = 60000
image = np.ma.MaskedArray(pixels, mask=pixels > 1)


def look(name, position, mode):
    data = Cutout2D(image, position, 7, mode=mode).data
    masked, brightest = int(np.ma.count_masked(data)), float(np.nanmax(data))
    print(f"{name}: {type(data).__name__}, masked pixels {masked}, brightest {brightest}")
    return masked, brightest


assert look("inside, trim", (6, 6), "trim") == (1, 1.0)
assert look("inside, partial", (6, 6), "partial") == (1, 1.0)
assert look("over the edge, trim", (1, 1), "trim") == (1, 1.0)
assert look("over the edge, partial", (1, 1), "partial") == (0, 60000.0)
for name, position in (("inside", (6, 6)), ("over the edge", (1, 1))):
    data = Cutout2D(pixels * u.Jy, position, 7, mode="partial").data
    unit = f"in {data.unit}" if isinstance(data, u.Quantity) else "without a unit"
    print(f"{name}, partial: {type(data).__name__} {unit}")
    assert isinstance(data, u.Quantity) == (name == "inside")
PYTHON
