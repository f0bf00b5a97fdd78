#!/usr/bin/env bash
#
# Package: imagecodecs 2026.3.6 (libjxl 0.11.2), numpy 2.4.6.
# Guess: JPEG XL with lossless=True returns float16 as it went in, as it does with float32.
# What happens: NaN becomes inf, and the numbers from 3.05e-5 to 6.1e-5 become smaller ones, down to 0; those below and
# above are exact. The same pixels as float32 come back with NaN and all. (Known: libjxl issue 3881.)
# Why it matters: float16 halves an archive of normalised cutouts. A bad pixel comes back as the brightest of the
# image, and a count of NaN finds none; a faint flux is off by up to all of it.
#
# Output seen:
#   pixels  1 nan inf 3.046e-05 3.052e-05 4.172e-05 6.098e-05 6.109e-05
#   float16 1 inf inf 3.046e-05 0 2.241e-05 6.092e-05 6.109e-05
#   float32 1 nan inf 3.046e-05 3.052e-05 4.172e-05 6.098e-05 6.109e-05
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    imagecodecs==2026.3.6 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import imagecodecs
import numpy as np


def there_and_back(pixels):
    image = np.tile(pixels, (8, 1))
    return imagecodecs.jpegxl_decode(imagecodecs.jpegxl_encode(image, lossless=True))[0]


pixels = np.array([1.0, np.nan, np.inf, 3.046e-05, 3.052e-05, 4.172e-05, 6.098e-05, 6.11e-05], np.float16)
half, single = there_and_back(pixels), there_and_back(pixels.astype(np.float32))
for name, values in (("pixels ", pixels), ("float16", half), ("float32", single)):
    print(name, " ".join(f"{value:.4g}" for value in values.tolist()))
assert np.array_equal(single, pixels, equal_nan=True)
assert half.dtype == np.float16 and np.isposinf(half[1]) and not np.isnan(half).any()
changed = half != pixels
assert changed.tolist() == [False, True, False, False, True, True, True, False]
PYTHON
