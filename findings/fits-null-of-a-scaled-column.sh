#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, numpy 2.4.6.
# Guess: a value equal to TNULL in a column with TSCAL is masked. The FITS standard (7.3.2) compares TNULL with
# the integer in the file, before the scaling.
# What happens: Table.read compares TNULL with the number after the scaling. The undefined magnitude -999, stored
# as an integer with TSCAL = 0.01, comes back as -9.99 without a mask; and where TNULL = 20, a star of 20.00 mag
# is masked and the row without a value is 0.20.
# Why it matters: catalogues are stored as scaled integers to save space, and magnitudes from -9.99 or 0.20 on pass
# each cut on "brighter than".
#
# Output seen:
#   in the file: [1900, -999, 2000] TSCAL 0.01 TNULL -999 -> [19.0, -9.99, 20.0] mask [False, False, False]
#   in the file: [1900, 20, 2000] TSCAL 0.01 TNULL 20 -> [19.0, 0.2, 20.0] mask [False, False, True]
#   in the file: [1900, -999, 2000] TNULL -999 -> [1900, -999, 2000] mask [False, True, False]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from astropy.io import fits
from astropy.table import Table


def read(stored, null, scale=None):
    hdu = fits.BinTableHDU(np.rec.fromarrays([np.array(stored, ">i2")], names="mag"))
    hdu.header["TNULL1"] = null
    if scale:
        hdu.header["TSCAL1"], hdu.header["TZERO1"] = scale, 0.0
    hdu.writeto("mag.fits", overwrite=True)
    mag = Table.read("mag.fits")["mag"]
    values, mask = np.round(mag.data.data, 2).tolist(), mag.mask.tolist()
    told = f"TSCAL {scale} TNULL {null}" if scale else f"TNULL {null}"
    print("in the file:", stored, told, "->", values, "mask", mask)
    return values, mask


assert read([1900, -999, 2000], -999, 0.01) == ([19.0, -9.99, 20.0], [False, False, False])
assert read([1900, 20, 2000], 20, 0.01) == ([19.0, 0.2, 20.0], [False, False, True])
assert read([1900, -999, 2000], -999)[1] == [False, True, False]
PYTHON
