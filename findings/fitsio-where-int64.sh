#!/usr/bin/env bash
#
# Package: fitsio 1.4.2, numpy 2.4.6.
# Guess: a row filter `id == 1234567890123456789` on a 64-bit integer column selects that one row.
# What happens: the expression parser of CFITSIO works on these columns in double precision. `==` selects
# every identifier that rounds to the same double, and `>` misses one that is larger.
# Why it matters: identifiers of SDSS, DES, Gaia and LSST have 18 or 19 digits; neighbours in a catalogue
# differ in the last ones. A filter meant to pull one object returns its neighbours too, or nothing.
#
# Output seen:
#   read back: [1234567890123456788, 1234567890123456789, 1234567890123456790]
#   rows with id == ...789: [0, 1, 2]
#   rows with id >  ...788: []
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    fitsio==1.4.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import fitsio
import numpy as np

rows = np.zeros(3, [("id", "i8")])
rows["id"] = [1234567890123456788, 1234567890123456789, 1234567890123456790]
fitsio.write("catalogue.fits", rows)
with fitsio.FITS("catalogue.fits") as catalogue:
    equal = catalogue[1].where("id == 1234567890123456789").tolist()
    larger = catalogue[1].where("id > 1234567890123456788").tolist()
    kept = catalogue[1]["id"][:].tolist()
print("read back:", kept)
print("rows with id == ...789:", equal)
print("rows with id >  ...788:", larger)
assert kept == rows["id"].tolist()
assert equal == [0, 1, 2]
assert larger == []
PYTHON
