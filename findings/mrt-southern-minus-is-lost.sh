#!/usr/bin/env bash
#
# Package: astropy 8.0.2, numpy 2.4.6.
# Guess: a SkyCoord column written as a machine-readable table (format="ascii.mrt") has the sign of every
# declination in the column DE-, which the format has for just this: degrees alone cannot say -0.
# What happens: the sign is taken from the whole degrees. All declinations between -1 and 0 degrees are written
# with a plus. No warning; at -1 and below the sign is right.
# Why it matters: MRT is what journals ask for, and the strip along the equator is where SDSS Stripe 82 and many
# deep fields lie. Half of it is mirrored to the north: sources are up to two degrees from where they were.
# SkyCoord.to_string and the ECSV of the same table keep the sign.
#
# Output seen:
#   -0.0100 deg: written as +00 00 36.000000000
#   -0.5000 deg: written as +00 30 00.000000000
#   -0.9900 deg: written as +00 59 24.000000000
#   -1.5000 deg: written as -01 30 00.000000000
#   -0.5 by to_string: -00d30m00s, from ECSV: -0.5
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from astropy import units as u
from astropy.coordinates import Angle, SkyCoord
from astropy.table import QTable

true = np.array([-0.01, -0.5, -0.99, -1.5])
table = QTable({"name": list("abcd"), "position": SkyCoord([10.0] * 4, true, unit="deg")})
table.write("strip.mrt", format="ascii.mrt")
table.write("strip.ecsv")
rows = open("strip.mrt", encoding="ascii").read().splitlines()[-4:]
written = []
for dec, row in zip(true, rows, strict=True):
    text = " ".join(row.split()[-3:])
    written.append(Angle(text.replace(" ", ":"), u.deg).deg)
    print(f"{dec:.4f} deg: written as {text}")
kept = QTable.read("strip.ecsv")["position"].dec.deg
by_text = SkyCoord(10, -0.5, unit="deg").to_string("hmsdms").split()[1]
print(f"-0.5 by to_string: {by_text}, from ECSV: {kept[1]}")
assert np.allclose(written[:3], -true[:3]) and np.isclose(written[3], true[3])
assert np.array_equal(kept, true) and by_text == "-00d30m00s"
PYTHON
