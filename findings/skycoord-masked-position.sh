#!/usr/bin/env bash
#
# Package: astropy 8.0.2, numpy 2.4.6, scipy 1.17.1.
# Guess: a row whose position is missing cannot match anything: SkyCoord keeps the mask, or raises.
# What happens: SkyCoord drops the mask of a MaskedColumn without a word and takes the value beneath it.
# Beneath a blank of a CSV file that is 0, so the row becomes a source at RA 0, Dec 0. With masked
# quantities (QTable) the mask is kept, yet match_to_catalog_sky still uses the zeros and hands the masked
# row out as the nearest neighbour.
# Why it matters: a real object near RA 0, Dec 0 is matched to a row without a position, at 0.04 arcsec.
#
# Output seen:
#   from a Table: masked False | row 2 at 0 0
#   a source near the origin matches row 2 at 0.036 arcsec
#   from a QTable: masked True | matches row 2, separation [   ———] deg, 3d distance 1.75e-07
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6 scipy==1.17.1
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table

warnings.simplefilter("error")
table = Table.read("id,ra,dec\n1,10.0,20.0\n2,,\n3,30.0,-5.0\n", format="ascii.csv")
table["ra"].unit = table["dec"].unit = "deg"
assert table["ra"].mask.tolist() == [False, True, False]

coords = SkyCoord(table["ra"], table["dec"])
print("from a Table: masked", coords.masked, "| row 2 at", coords[1].to_string())
assert not coords.masked and coords[1].to_string() == "0 0"

sky = SkyCoord([1e-5], [0.0], unit="deg")
row, separation, _ = sky.match_to_catalog_sky(coords)
print(f"a source near the origin matches row {table['id'][row[0]]} at {separation[0].arcsec:.3f} arcsec")
assert row.tolist() == [1] and separation[0].arcsec < 0.04

kept = QTable(table)
coords = SkyCoord(kept["ra"], kept["dec"])
row, separation, distance = sky.match_to_catalog_sky(coords)
print(f"from a QTable: masked {coords.masked} | matches row {kept['id'][row[0]]}, separation {separation}, "
      f"3d distance {distance[0]:.2e}")
assert coords.masked and row.tolist() == [1] and np.all(separation.mask) and distance[0] < 2e-7
PYTHON
