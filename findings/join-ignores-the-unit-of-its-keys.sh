#!/usr/bin/env bash
#
# Package: astropy 8.0.2, numpy 2.4.6.
# Guess: a QTable knows units, so that a join on wavelengths matches 500 nm with 5000 Angstrom and not with 500 Angstrom,
# as == of the columns does and as vstack converts.
# What happens: the bare numbers are compared. 500 nm is joined with 500 Angstrom; 5000 Angstrom finds nothing. The key
# of the joined row has the second table's unit and value: 500 Angstrom, so that the first table's object has moved by
# a factor of ten. setdiff compares in the same way and sees no difference. No warning.
# Why it matters: tables of other people come in mJy and Jy, nm and Angstrom. Units are what QTable is chosen for,
# and everywhere else in it they are converted.
#
# Output seen:
#   compared row by row: [True, False]
#   vstack: [5000.0, 6000.0, 5000.0, 500.0] Angstrom
#   join: [('left 500 nm', 'right 500 A', '500.0 Angstrom')]
#   setdiff of 1 and 2 Jy and 1 and 2 mJy: rows 0
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
from astropy import units as u
from astropy.table import QTable, join, setdiff, vstack

warnings.simplefilter("error")
left = QTable({"wave": [500, 600] * u.nm, "line": ["left 500 nm", "left 600 nm"]})
right = QTable({"wave": [5000, 500] * u.AA, "match": ["right 5000 A", "right 500 A"]})
same = np.isclose(left["wave"], right["wave"]).tolist()
stacked = vstack([left["wave",], right["wave",]])["wave"]
joined = join(left, right, keys="wave")
rows = [(str(row["line"]), str(row["match"]), str(round(row["wave"], 6))) for row in joined]
rest = setdiff(QTable({"flux": [1, 2] * u.Jy}), QTable({"flux": [1, 2] * u.mJy}))
print("compared row by row:", same)
print("vstack:", stacked.round(6).value.tolist(), stacked.unit)
print("join:", rows)
print("setdiff of 1 and 2 Jy and 1 and 2 mJy: rows", len(rest))
assert same == [True, False]
assert np.allclose(stacked.to_value(u.AA), [5000, 6000, 5000, 500])
assert rows == [("left 500 nm", "right 500 A", "500.0 Angstrom")]
assert len(rest) == 0
PYTHON
