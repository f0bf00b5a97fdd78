#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, fitsio 1.4.2, numpy 2.4.6.
# Guess: a table column of int8 written to FITS by astropy is stored as bytes with TZERO -128, as images of int8
# are, or refused. Every other integer type comes back as it was.
# What happens: it is stored as a logical column (TFORM L). All values but 0 become True: -1, 1 and 2 are one and
# the same. No warning. fitsio writes the same column with its values, and astropy reads that one correctly.
# Why it matters: int8 is what a label column is made of: -1 not looked at, 0 ordinary, 1 anomaly; also quality
# flags and small morphological classes. After one round trip what nobody looked at is an anomaly.
#
# Output seen:
#   int8 by astropy: TFORM L, reads [True, False, True, True]
#   int8 by fitsio: TFORM B, reads [-1, 0, 1, 2]
#   int16 by astropy: TFORM I, reads [-1, 0, 1, 2]
#   int8 image by astropy: reads [-1, 0, 1, 2]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 fitsio==1.4.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import fitsio
import numpy as np
from astropy.io import fits
from astropy.table import Table

labels = np.array([-1, 0, 1, 2], np.int8)


def told(name, path):
    form = fits.getheader(path, 1)["TFORM1"]
    got = Table.read(path)["label"].astype(object).tolist()
    print(f"{name}: TFORM {form}, reads", [value if isinstance(value, bool) else int(value) for value in got])
    return form, got


Table({"label": labels}).write("ours.fits")
fitsio.write("theirs.fits", {"label": labels})
Table({"label": labels.astype(np.int16)}).write("wider.fits")
fits.writeto("image.fits", labels[None])
assert told("int8 by astropy", "ours.fits") == ("L", [True, False, True, True])
assert told("int8 by fitsio", "theirs.fits") == ("B", labels.tolist())
assert told("int16 by astropy", "wider.fits") == ("I", labels.tolist())
image = fits.getdata("image.fits")[0]
print("int8 image by astropy: reads", image.tolist())
assert image.tolist() == labels.tolist()
assert fitsio.read("ours.fits")["label"].tolist() == [True, False, True, True]
PYTHON
