#!/usr/bin/env bash
#
# Package: ccdproc 2.5.1, astropy 8.0.2, numpy 2.4.6.
# Guess: ccdproc subtracts a bias from a raw frame as numbers: 99 minus 100 is -1.
# What happens: a raw frame of unsigned 16-bit FITS (BZERO 32768, what nearly every CCD writes) is read as
# uint16 and stays so: 99 minus 100 is 65535. `multiply` wraps as well: 99 ADU times a factor of 1000 is
# 33464. The combiner converts to float first, so a master bias from it is safe, and hides the fault in
# tests.
# Why it matters: with a single bias frame, half of the dark pixels of a night become the brightest of the
# image, just where a search for rare objects looks. There is no warning.
#
# Output seen:
#   raw [[99, 105]] uint16 minus bias [[65535, 5]] uint16
#   raw times 1000: [[33464, 39464]]
#   raw minus a combined bias: [[-1.0, 5.0]]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    ccdproc==2.5.1 astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import warnings

import ccdproc
import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData

warnings.simplefilter("error")
fits.PrimaryHDU(np.array([[99, 105]], np.uint16)).writeto("raw.fits")
fits.PrimaryHDU(np.array([[100, 100]], np.uint16)).writeto("bias.fits")
raw = CCDData.read("raw.fits", unit="adu")
bias = CCDData.read("bias.fits", unit="adu")
difference = ccdproc.subtract_bias(raw, bias).data
product = raw.multiply(1000).data
combined = ccdproc.subtract_bias(raw, ccdproc.Combiner([bias, bias]).average_combine()).data
print("raw", raw.data.tolist(), raw.dtype, "minus bias", difference.tolist(), difference.dtype)
print("raw times 1000:", product.tolist())
print("raw minus a combined bias:", combined.tolist())
assert difference.tolist() == [[65535, 5]] and difference.dtype == np.uint16
assert product.tolist() == [[33464, 39464]]
assert combined.tolist() == [[-1.0, 5.0]]
PYTHON
