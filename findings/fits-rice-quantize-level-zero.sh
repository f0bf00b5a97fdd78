#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, fitsio 1.4.2, numpy 2.4.6.
# Guess: `quantize_level=0` means what it means with GZIP_2: do not quantise, lose nothing. Where RICE_1
# cannot do that it falls back to GZIP or raises, as CFITSIO does.
# What happens: with RICE_1, the default of CompImageHDU, every float is cut to its integer part without an
# error, and NaN comes back as a number (NumPy then warns of an invalid cast; without NaN there is no
# warning). CFITSIO takes the integers in that file for the bits of floats (1.7e-43); asked to write it, it
# refuses.
# Why it matters: one asks for 0 to be on the safe side. A sky in nanomaggies or counts a second, all below
# 1, turns into zeros, the bad-pixel mask held in the NaN is gone, and the file opens everywhere.
#
# Output seen:
#   RICE_1: values of the sky [0.] | 120.75 -> 120.0
#   the same file read by fitsio: 120.75 -> 1.68e-43
#   GZIP_2: lossless
#   RICE_1 with one NaN: pixels not finite 0
#   fitsio: FITSIO status = 413: error compressing image
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 fitsio==1.4.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import warnings

import fitsio
import numpy as np
from astropy.io import fits


def through(image, algorithm):
    hdu = fits.CompImageHDU(image, compression_type=algorithm, quantize_level=0)
    hdu.writeto("image.fits", overwrite=True)
    return fits.getdata("image.fits")


sky = np.random.default_rng(0).normal(0.3, 0.05, (64, 64)).astype(np.float32)
sky[5] = 120.75
with warnings.catch_warnings():
    warnings.simplefilter("error")
    rice = through(sky, "RICE_1")
print("RICE_1: values of the sky", np.unique(np.delete(rice, 5, axis=0)), "| 120.75 ->", rice[5, 0])
assert not np.delete(rice, 5, axis=0).any() and rice[5, 0] == 120
other = fitsio.read("image.fits")
print("the same file read by fitsio: 120.75 ->", other[5, 0])
assert other[5, 0] == np.array([120], np.int32).view(np.float32)[0]

assert np.array_equal(through(sky, "GZIP_2"), sky)
print("GZIP_2: lossless")

sky[7, 7] = np.nan
with warnings.catch_warnings():
    warnings.simplefilter("ignore", RuntimeWarning)
    rice = through(sky, "RICE_1")
print("RICE_1 with one NaN: pixels not finite", int((~np.isfinite(rice)).sum()))
assert np.isfinite(rice).all()

try:
    fitsio.write("other.fits", sky, compress="RICE", qlevel=0)
except OSError as error:
    print("fitsio:", str(error).splitlines()[0])
    assert "error compressing image" in str(error)
else:
    raise AssertionError("fitsio wrote the image")
PYTHON
