#!/usr/bin/env bash
#
# Packages: fitsio 1.4.2, astropy 8.0.2, numpy 2.4.6.
# Guess: a float written to a header by fitsio is read back as the same float, like one written by astropy.
# What happens: it is written with 15 significant digits. A Julian date keeps 8 decimals of a day and can
# be off by 0.4 ms; astropy keeps the date. Small numbers with an exponent (CD2_2) come back changed from
# both.
# Why it matters: BJD and HJD of transits and eclipses in headers lose what was corrected with so much
# care, and a comparison of headers before and after a rewrite finds differences in WCS terms as well.
#
# Output seen:
#   fitsio: BJD     =     2461374.12345678, off by 362 microseconds, CD2_2 equal: False
#   astropy: BJD     =    2461374.123456784, off by 0 microseconds, CD2_2 equal: False
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

jd = 2461374.123456784
pixels = np.zeros((2, 2), np.float32)
fitsio.write("fitsio.fits", pixels, header={"BJD": jd, "CD2_2": 1 / 3 * 1e-4})
fits.writeto("astropy.fits", pixels, fits.Header({"BJD": jd, "CD2_2": 1 / 3 * 1e-4}))
off = {}
for name in ("fitsio", "astropy"):
    header = fits.getheader(f"{name}.fits")
    off[name] = abs(header["BJD"] - jd) * 86400 * 1e6
    print(f"{name}: {header.cards['BJD'].image[:32].rstrip()}, off by {off[name]:.0f} microseconds, "
          f"CD2_2 equal: {header['CD2_2'] == 1 / 3 * 1e-4}")
assert off["astropy"] == 0 and off["fitsio"] > 300
PYTHON
