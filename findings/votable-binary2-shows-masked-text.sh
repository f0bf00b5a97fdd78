#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, numpy 2.4.6.
# Guess: a masked text of a table is missing in the VOTable written from it, as a masked number is.
# What happens: BINARY2, the serialization that has a flag for each missing cell, writes the text beneath the
# mask without the flag. Numbers and booleans of the same row get theirs. By TABLEDATA the same cell is an
# empty text; BINARY refuses the table, because of its masked integer.
# Why it matters: beneath the masks of a joined catalogue lie the names and classes of other objects. They
# come back as though they had been given, while the numbers beside them are missing as they should be.
#
# Output seen:
#   TABLEDATA: class ['STAR', '', 'GALAXY'] z [0.0, None, 0.5] n [1, None, 3]
#   BINARY2: class ['STAR', 'QSO', 'GALAXY'] z [0.0, None, 0.5] n [1, None, 3]
#   BINARY: W31
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import io

from astropy.io.votable.exceptions import W31
from astropy.table import MaskedColumn, Table

mask = [False, True, False]
table = Table(
    {
        "class": MaskedColumn(["STAR", "QSO", "GALAXY"], mask=mask),
        "z": MaskedColumn([0.0, 2.1, 0.5], mask=mask),
        "n": MaskedColumn([1, 2, 3], mask=mask),
    }
)


def again(serialization):
    file = io.BytesIO()
    table.write(file, format="votable", tabledata_format=serialization)
    file.seek(0)
    read = Table.read(file, format="votable")
    return {name: read[name].tolist() for name in read.colnames}


seen = {name: again(name.lower()) for name in ("TABLEDATA", "BINARY2")}
for name, columns in seen.items():
    print(f"{name}:", *(part for column in columns.items() for part in column))
try:
    again("binary")
    refused = ""
except W31 as error:
    refused = type(error).__name__
print("BINARY:", refused)
numbers = {"z": [0.0, None, 0.5], "n": [1, None, 3]}
assert seen["TABLEDATA"] == {"class": ["STAR", "", "GALAXY"], **numbers}
assert seen["BINARY2"] == {"class": ["STAR", "QSO", "GALAXY"], **numbers}
assert refused == "W31"
PYTHON
