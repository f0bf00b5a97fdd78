#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, numpy 2.4.6.
# Guess: sum, mean, min and max of a CCDData leave out its masked pixels.
# What happens: sum(axis=...) adds them; mean of the same image along the same axis leaves them out. So the sum is not
# the mean times the number of good pixels, and nothing in the result says so.
# Why it matters: a spectrum or a profile is the sum along an axis of an image whose cosmic rays are masked. Here one
# masked pixel of 65535 is all that is left of a flux of 4. Sum over data filled with 0 instead.
#
# Output seen:
#   row [1, 3, masked 65535]: sum 65539, mean 2, numpy.ma sum 4
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from astropy.nddata import CCDData

pixels, mask = np.array([[1.0, 3.0, 65535.0]]), np.array([[False, False, True]])
image = CCDData(pixels, unit="adu", mask=mask)
total, mean = image.sum(axis=1), image.mean(axis=1)
right = np.ma.array(pixels, mask=mask).sum(axis=1)
print(f"row [1, 3, masked 65535]: sum {total.data[0]:.0f}, mean {mean.data[0]:.0f}, numpy.ma sum {right[0]:.0f}")
assert total.data[0] == 65539 and mean.data[0] == 2 and right[0] == 4
PYTHON
