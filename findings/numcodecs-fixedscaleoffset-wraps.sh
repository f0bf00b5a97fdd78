#!/usr/bin/env bash
#
# Package: numcodecs 0.16.6, numpy 2.4.6.
# Guess: a flux that does not fit the packed integers of FixedScaleOffset is clipped, or raises.
# What happens: it wraps round: with scale 100 in int16, a star of 500 comes back as -155.36, one of -400
# as 255.36. NaN and infinity come back as 0.0. There is no error; NumPy warns of an invalid cast only for
# some of them, and not when the value wraps.
# Why it matters: the brightest pixels of a survey turn into the most negative ones and the masked into
# sky; a search for rare objects then finds the codec.
#
# Output seen:
#   1.25 -> 1.25
#   500.0 -> -155.36
#   -400.0 -> 255.36
#   nan -> 0.00 | warned
#   inf -> 0.00 | warned
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    numcodecs==0.16.6 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
from numcodecs import FixedScaleOffset

codec = FixedScaleOffset(offset=0, scale=100, dtype="f4", astype="i2")
flux = np.array([1.25, 500.0, -400.0, np.nan, np.inf], np.float32)
seen = []
for value in flux:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        back = float(codec.decode(codec.encode(np.array([value])))[0])
    seen.append(round(back, 2))
    print(f"{value} -> {back:.2f}", "| warned" if caught else "")
assert seen == [1.25, -155.36, 255.36, 0.0, 0.0]
PYTHON
