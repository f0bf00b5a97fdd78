#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, fitsio 1.4.2 (CFITSIO), numpy 2.4.6.
# Guess: in an ASCII table of FITS a field F5.3 with the text "12345" is 12.345: the standard (7.2.5) lets the
# writer leave out the point, and the rightmost three digits are then the decimals, as in FORTRAN.
# What happens: CFITSIO reads 12.345. astropy reads 12345.0, a thousand times the value, without a warning. Fields
# with a point are right in both, so that one column may have both kinds.
# Why it matters: such tables are what old catalogues and their observing logs are kept in, packed to the column.
# The standard deprecates the form for new files and asks readers to know it.
#
# Output seen:
#   text      astropy      fitsio
#   "12345"  12345.000      12.345
#   " 1.5 "      1.500       1.500
#   "  -42"    -42.000      -0.042
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 fitsio==1.4.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import fitsio
from astropy.io import fits
from astropy.table import Table

fields = ["12345", " 1.5 ", "  -42"]
cards = [("XTENSION", "TABLE"), ("BITPIX", 8), ("NAXIS", 2), ("NAXIS1", 5), ("NAXIS2", 3), ("PCOUNT", 0)]
cards += [("GCOUNT", 1), ("TFIELDS", 1), ("TTYPE1", "mag"), ("TBCOL1", 1), ("TFORM1", "F5.3")]
with open("log.fits", "wb") as file:
    file.write(fits.PrimaryHDU().header.tostring().encode())
    file.write(fits.Header(cards).tostring().encode())
    file.write("".join(fields).encode().ljust(2880))

ours = Table.read("log.fits", 1)["mag"].tolist()
theirs = fitsio.read("log.fits", ext=1)["mag"].tolist()
print("text      astropy      fitsio")
for field, our, their in zip(fields, ours, theirs, strict=True):
    print(f'"{field}" {our:10.3f}  {their:10.3f}')
assert ours == [12345, 1.5, -42]
assert theirs == [12.345, 1.5, -0.042]
PYTHON
