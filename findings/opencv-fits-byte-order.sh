#!/usr/bin/env bash
#
# Packages: opencv-python-headless 5.0.0.93, astropy 8.0.2, numpy 2.4.6.
# Guess: OpenCV takes the array that astropy.io.fits hands out, or refuses it. It is a usual numpy array of float32;
# PyTorch, Numba and scikit-image (compiled parts) refuse its big-endian bytes with an error.
# What happens: OpenCV looks at the type number and not at the byte order, and computes on the bytes the other way
# round. A sky of 1.0 becomes 4.6e-41, 16-bit counts of 1 become 256, without an error. The result has the
# native type and a good shape. image.astype(np.float32) before the call is enough.
# Why it matters: cv2.resize and cv2.GaussianBlur between a FITS file and a network are the fast and usual way; after a
# stretch with percentiles the noise looks like an image without a source, and training goes on.
#
# Output seen:
#   float32: type in the file >f4, resize of ones gives 4.6006e-41 as float32, after astype 1.0
#   float64: type in the file >f8, resize of ones gives 3.0387e-319 as float64, after astype 1.0
#   int16: type in the file >i2, resize of ones gives 256 as int16, after astype 1
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    opencv-python-headless==5.0.0.93 astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import cv2
import numpy as np
from astropy.io import fits

for kind in ("float32", "float64", "int16"):
    fits.writeto("sky.fits", np.ones((8, 8), kind), overwrite=True)
    image = fits.getdata("sky.fits")
    small = cv2.resize(image, (4, 4), interpolation=cv2.INTER_AREA)
    native = cv2.resize(image.astype(kind), (4, 4), interpolation=cv2.INTER_AREA)
    print(
        f"{kind}: type in the file {image.dtype.str}, resize of ones gives {small[0, 0]:.5}"
        if kind != "int16"
        else f"{kind}: type in the file {image.dtype.str}, resize of ones gives {small[0, 0]}",
        f"as {small.dtype}, after astype {native[0, 0]}",
    )
    assert image.dtype.byteorder == ">" and (image == 1).all()
    assert small.dtype == kind and (small == np.ones(1, kind).byteswap()).all()
    assert (native == 1).all()
PYTHON
