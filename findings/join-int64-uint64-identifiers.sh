#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, numpy 2.4.6, pandas 3.1.1.
# Guess: joining a table with int64 identifiers to one with uint64 identifiers compares the integers (all
# are positive and fit both), or raises.
# What happens: astropy brings both to float64, as NumPy does: 9007199254740993 and 9007199254740992 are
# joined as one object, and the identifier of the result is a float. np.intersect1d does the same; np.isin
# and pandas compare the integers and find no match.
# Why it matters: the same 19-digit identifier is int64 in one archive's file and uint64 in another's (FITS
# and VOTable have no such type of their own, HDF5 and Parquet have). Neighbours in the sky get false
# matches.
#
# Output seen:
#   astropy join: 1 row, id 9007199254740992.0 float64
#   np.intersect1d: [9.00719925e+15] | np.isin: [False]
#   pandas merge: 0 rows
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6 pandas==3.1.1
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import pandas as pd
from astropy.table import Table, join

left = {"id": np.array([9007199254740993], np.int64), "mag": [20.1]}
right = {"id": np.array([9007199254740992], np.uint64), "z": [0.7]}

both = join(Table(left), Table(right), keys="id")
print("astropy join:", len(both), "row, id", both["id"][0], both["id"].dtype)
common = np.intersect1d(left["id"], right["id"])
isin = np.isin(left["id"], right["id"])
print("np.intersect1d:", common, "| np.isin:", isin)
merged = pd.merge(pd.DataFrame(left), pd.DataFrame(right), on="id")
print("pandas merge:", len(merged), "rows")
assert len(both) == 1 and both["id"].dtype == np.float64 and both["id"][0] == 2**53
assert common.tolist() == [2.0**53] and isin.tolist() == [False]
assert len(merged) == 0
PYTHON
