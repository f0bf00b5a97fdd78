#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, numpy 2.4.6.
# Guess: a masked row in an integer column, written to FITS and read again, leaves the other rows as they are.
# What happens: the TNULL of the column is the default fill value of numpy, 999999, cut to the type of the column:
# 63 for 8 bits, 16959 for 16. Valid rows with this value come back masked, and nothing is said. For
# unsigned 16 bits there is one more twist: TNULL is written as 16959 while the masked row is stored as
# 16959 - 32768; a reader that follows the standard masks the valid 49727 and shows the masked row.
# Why it matters: 8-bit flags and class codes have all values in use, 63 is "the six lowest flags are set".
# A colleague's table loses rows only when some other row is masked. astropy's issue 14693 names the fixed 999999;
# a fill_value set by hand to a free value avoids it.
#
# Output seen:
#   uint8: TNULL 63, written [63, 5, 7] with the last masked, read [--, 5, --]
#   int16: TNULL 16959, written [16959, 5, 7] with the last masked, read [--, 5, --]
#   uint16: TNULL 16959, integer in the file for the masked row: -15809, for the valid 49727: 16959
#   uint8, fill_value 255: TNULL 255, written [63, 5, 7] with the last masked, read [63, 5, --]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import MaskedColumn, Table


def written(values, dtype, **options):
    column = MaskedColumn(np.array(values, dtype), mask=[False, False, True], **options)
    Table({"flag": column}).write("flags.fits", overwrite=True)
    return fits.getheader("flags.fits", 1)["TNULL1"], Table.read("flags.fits")["flag"]


for dtype, value in (("uint8", 63), ("int16", 16959)):
    null, flag = written([value, 5, 7], dtype)
    shown = str(flag.tolist()).replace("None", "--")
    print(f"{dtype}: TNULL {null}, written {[value, 5, 7]} with the last masked, read {shown}")
    assert null == value and flag.tolist() == [None, 5, None]

null, flag = written([49727, 5, 7], "uint16")
start = fits.open("flags.fits")[1].fileinfo()["datLoc"]
raw = np.frombuffer(Path("flags.fits").read_bytes()[start : start + 6], ">i2").tolist()
print(f"uint16: TNULL {null}, integer in the file for the masked row: {raw[2]}, for the valid 49727: {raw[0]}")
assert null == 16959 and raw[2] == 16959 - 32768 and raw[0] == null

null, flag = written([63, 5, 7], "uint8", fill_value=255)
shown = str(flag.tolist()).replace("None", "--")
print(f"uint8, fill_value 255: TNULL {null}, written [63, 5, 7] with the last masked, read {shown}")
assert null == 255 and flag.tolist() == [63, 5, None]
PYTHON
