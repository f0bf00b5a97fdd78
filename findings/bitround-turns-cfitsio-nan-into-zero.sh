#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, fitsio 1.4.2, numcodecs 0.16.6, numpy 2.4.6.
# Guess: rounding the mantissa keeps NaN, so bad pixels of a FITS image are still NaN in a Zarr store
# written through numcodecs' BitRound, its filter for floats.
# What happens: CFITSIO writes NaN with all bits set. BitRound adds half a step to the bits as an integer,
# which overflows: NaN becomes 0.0. NumPy's own NaN survives, so a test with np.nan passes. The largest
# floats (3.4e38, a usual "no data" value) become infinite.
# Why it matters: masked pixels of every FITS file written by CFITSIO turn into valid, plausible, black
# sky.
#
# Output seen:
#   NaN as CFITSIO wrote it: 0xffffffff | NumPy's: 0x7fc00000
#   after BitRound: [1.2346191 0.        1.2346191] | NumPy's: [1.2346191       nan 1.2346191]
#   3.4028235e+38 becomes inf
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 fitsio==1.4.2 numcodecs==0.16.6 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import fitsio
import numpy as np
from astropy.io import fits
from numcodecs import BitRound

image = np.full((2, 3), 1.2345, np.float32)
image[1, 1] = np.nan
fitsio.write("image.fits", image)
read = fits.getdata("image.fits").astype(np.float32)
bits = hex(int(read.view(np.uint32)[1, 1]))
codec = BitRound(keepbits=12)
from_fits = codec.decode(codec.encode(read)).view(np.float32)
from_numpy = codec.decode(codec.encode(image)).view(np.float32)
largest = np.array([np.finfo(np.float32).max])
from_largest = codec.decode(codec.encode(largest)).view(np.float32)
print("NaN as CFITSIO wrote it:", bits, "| NumPy's:", hex(int(image.view(np.uint32)[1, 1])))
print("after BitRound:", from_fits[1], "| NumPy's:", from_numpy[1])
print("3.4028235e+38 becomes", from_largest[0])
assert bits == "0xffffffff" and np.isnan(read[1, 1])
assert from_fits[1, 1] == 0.0 and not np.isnan(from_fits).any()
assert np.isnan(from_numpy[1, 1])
assert np.isinf(from_largest[0])
PYTHON
