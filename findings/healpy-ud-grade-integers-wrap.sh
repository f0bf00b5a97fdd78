#!/usr/bin/env bash
#
# Package: healpy 1.20.1, numpy 2.4.6.
# Guess: ud_grade to larger pixels gives the mean of their parts. A map of one value everywhere has that value at
# every resolution; integers may be rounded.
# What happens: the parts are added up in the type of the map before they are divided. Sixteen times 200 in uint8
# is 128, and 128 / 16 is 8. int16 of 30000 becomes 1328, int32 of 2^30 becomes 0. No warning. float maps are
# right, and so is dtype=float, and integers whose sum still fits.
# Why it matters: depth, exposure and hit counts, and masks of bits, are integer maps, and they are made coarser
# to be looked at. The deepest fields are those that wrap, and look empty.
#
# Output seen:
#   uint8   200 everywhere: ud_grade 8, with dtype=float 200
#   int16   30000 everywhere: ud_grade 1328, with dtype=float 30000
#   int32   1073741824 everywhere: ud_grade 0, with dtype=float 1073741824
#   float32 1073741824 everywhere: ud_grade 1073741824, with dtype=float 1073741824
#   int16   1500 everywhere: ud_grade 1500, with dtype=float 1500
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    healpy==1.20.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import healpy
import numpy as np

for dtype, value, seen in (
    ("uint8", 200, 8),
    ("int16", 30000, 1328),
    ("int32", 2**30, 0),
    ("float32", 2**30, 2**30),
    ("int16", 1500, 1500),
):
    depth = np.full(healpy.nside2npix(4), value, dtype)
    coarse, wide = healpy.ud_grade(depth, 1), healpy.ud_grade(depth, 1, dtype=float)
    print(f"{dtype:7} {value} everywhere: ud_grade {coarse[0]:.0f}, with dtype=float {wide[0]:.0f}")
    assert (coarse == seen).all() and (wide == value).all()
PYTHON
