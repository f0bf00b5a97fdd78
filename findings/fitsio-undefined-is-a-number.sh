#!/usr/bin/env bash
#
# Packages: fitsio 1.4.2, astropy 8.0.2, numpy 2.4.6.
# Guess: both readers leave out what a FITS file declares as undefined: BLANK in images, TNULL in tables.
# What happens: astropy gives NaN and masked values. fitsio takes both for numbers: in a scaled image BLANK
# is multiplied like a flux, so that -32768 becomes -65536, which no comparison with BLANK finds; a masked
# integer of an astropy table, written with its default TNULL, is 999999. No warning.
# Why it matters: fitsio is the fast reader of large surveys. Missing counts, flags and redshifts in units of
# the last digit enter means and cuts as large numbers, and only in the half of a team that uses it.
#
# Output seen:
#   image: astropy [2.0, 4.0, nan, 8.0], fitsio [2, 4, -65536, 8]
#   table: astropy [5, None, 7], fitsio [5, 999999, 7]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    fitsio==1.4.2 astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import fitsio
import numpy as np
from astropy.io import fits
from astropy.table import MaskedColumn, Table

image = fits.PrimaryHDU(np.array([1, 2, -32768, 4], dtype=np.int16))
for key, value in (("BLANK", -32768), ("BSCALE", 2.0), ("BZERO", 0.0)):
    image.header[key] = value
image.writeto("image.fits")
by_astropy, by_fitsio = fits.getdata("image.fits").tolist(), fitsio.read("image.fits").tolist()
print(f"image: astropy {by_astropy}, fitsio {by_fitsio}")
assert np.array_equal(by_astropy, [2, 4, np.nan, 8], equal_nan=True)
assert by_fitsio == [2, 4, -65536, 8]

Table({"n": MaskedColumn([5, 6, 7], mask=[False, True, False])}).write("table.fits")
by_astropy, by_fitsio = Table.read("table.fits")["n"].tolist(), fitsio.read("table.fits")["n"].tolist()
print(f"table: astropy {by_astropy}, fitsio {by_fitsio}")
assert (by_astropy, by_fitsio) == ([5, None, 7], [5, 999999, 7])
PYTHON
