#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, numpy 2.4.6, pyarrow 26.0.1, pandas 3.1.1.
# Guess: a column of images, shape (n, 2, 3), comes back from astropy's own Parquet as it went in, like
# from ECSV and FITS; the file does note "float32[2,3]".
# What happens: it comes back as (n, 6). The note is written and not used. Nothing warns.
# Why it matters: cutouts kept beside their catalogue come back flat, and code that takes the last two axes
# for height and width now takes the objects for rows.
#
# Output seen:
#   {'t.ecsv': (2, 2, 3), 't.fits': (2, 2, 3), 't.parquet': (2, 6)}
#   noted in the file: ["- {name: image, datatype: string, subtype: 'float32[2,3]'}"]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6 pyarrow==26.0.1 pandas==3.1.1
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
import pyarrow.parquet as pq
from astropy.table import Table

warnings.simplefilter("error")
images = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
shapes = {}
for name in ("t.ecsv", "t.fits", "t.parquet"):
    Table({"image": images}).write(name)
    shapes[name] = Table.read(name)["image"].shape
print(shapes)
notes = pq.read_schema("t.parquet").metadata[b"table_meta_yaml"].decode()
print("noted in the file:", [line for line in notes.splitlines() if "image" in line])
assert shapes == {"t.ecsv": (2, 2, 3), "t.fits": (2, 2, 3), "t.parquet": (2, 6)}
assert "float32[2,3]" in notes
PYTHON
