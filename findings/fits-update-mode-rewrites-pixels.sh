#!/usr/bin/env bash
#
# Package: astropy 8.0.2, numpy 2.4.6.
# Guess: opening a file in update mode, looking at the pixels and changing one header card changes that
# card.
# What happens: where the image is scaled (BSCALE other than 1), reading `.data` is enough: on closing, the
# 16-bit integers are replaced by 32-bit floats, BSCALE and BZERO are removed and the file is twice as
# large. The `scale_back` option is there to avoid it. An untouched `.data`, or reading the header alone,
# leaves the pixels as they were.
# Why it matters: a quick look with a fix of OBJECT rewrites raw data: checksums of the archive fail, and
# the integer counts that a reduction expects are gone.
#
# Output seen:
#   looked at the pixels: False, size and BITPIX (23040, 16) -> (23040, 16), BSCALE kept: True
#   looked at the pixels: True, size and BITPIX (23040, 16) -> (43200, -32), BSCALE kept: False
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import os

import numpy as np
from astropy.io import fits

for look in (False, True):
    hdu = fits.PrimaryHDU(np.linspace(10, 500, 10_000, dtype=np.float32).reshape(100, 100))
    hdu.scale("int16", bscale=0.05, bzero=300)
    hdu.writeto("raw.fits", overwrite=True)
    before = os.path.getsize("raw.fits"), hdu.header["BITPIX"]
    with fits.open("raw.fits", mode="update") as file:
        if look:
            file[0].data.mean()
        file[0].header["OBJECT"] = "M 51"
    header = fits.getheader("raw.fits")
    after = os.path.getsize("raw.fits"), header["BITPIX"]
    print(f"looked at the pixels: {look}, size and BITPIX {before} -> {after}, BSCALE kept: {'BSCALE' in header}")
    assert before == (23040, 16)
    assert after == ((43200, -32) if look else (23040, 16)) and ("BSCALE" in header) is not look
PYTHON
