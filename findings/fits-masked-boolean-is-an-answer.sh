#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, fitsio 1.4.2, numpy 2.4.6.
# Guess: a masked boolean of an astropy table is undefined in the FITS table written from it, as a masked
# number is: the FITS logical has three values, T, F and undefined (a zero byte).
# What happens: the value beneath the mask is written as T or F, and read back as though it had been given.
# Integers and floats of the same row come back masked. A zero byte from another writer is read as False by
# both readers, with a warning from astropy alone.
# Why it matters: "is it a lens", "was it observed": yes, no and unknown are three answers. After a join,
# beneath the mask lies the answer of another object. Unknown becomes yes or no, on the way out and on
# the way in.
#
# Output seen:
#   in memory: label [True, None, False] n [1, None, 3] z [0.5, None, 2.5]
#   read back: label [True, True, False] n [1, None, 3] z [0.5, None, 2.5]
#   bytes T, undefined, F: astropy [True, False, False], fitsio [True, False, False]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 fitsio==1.4.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
from pathlib import Path

import fitsio
from astropy.io import fits
from astropy.table import MaskedColumn, Table

mask = [False, True, False]
table = Table(
    {
        "label": MaskedColumn([True, True, False], mask=mask),
        "n": MaskedColumn([1, 2, 3], mask=mask),
        "z": MaskedColumn([0.5, 1.5, 2.5], mask=mask),
    }
)
table.write("table.fits")
again = Table.read("table.fits")
for name, columns in (("in memory", table), ("read back", again)):
    print(f"{name}:", *(part for key in columns.colnames for part in (key, columns[key].tolist())))
assert table["label"].tolist() == [True, None, False]
assert again["label"].tolist() == [True, True, False]
assert (again["n"].tolist(), again["z"].tolist()) == ([1, None, 3], [0.5, None, 2.5])

fits.BinTableHDU.from_columns([fits.Column("label", "L", array=[True, True, False])]).writeto("l.fits")
stored = bytearray(Path("l.fits").read_bytes())
rows = len(stored) - 2880
assert stored[rows : rows + 3] == b"TTF"
stored[rows + 1] = 0
Path("l.fits").write_bytes(stored)
by_astropy, by_fitsio = Table.read("l.fits")["label"].tolist(), fitsio.read("l.fits")["label"].tolist()
print(f"bytes T, undefined, F: astropy {by_astropy}, fitsio {by_fitsio}")
assert by_astropy == by_fitsio == [True, False, False]
PYTHON
