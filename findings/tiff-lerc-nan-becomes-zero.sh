#!/usr/bin/env bash
#
# Packages: tifffile 2026.3.3, imagecodecs 2026.3.6, numpy 2.4.6.
# Guess: LERC with no error allowed keeps NaN in a float TIFF, as it keeps infinity and every other value.
# What happens: NaN comes back as 0.0, without a warning. Infinity and all other values are exact, so that
# a comparison on clean data finds nothing.
# Why it matters: unobserved pixels of a mosaic become zeros, the value of a perfectly subtracted sky.
#
# Output seen:
#   zlib: NaN -> nan, inf -> inf, other rows identical: True
#   lerc: NaN -> 0.0, inf -> inf, other rows identical: True
#   jpegxl: NaN -> nan, inf -> inf, other rows identical: True
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import tifffile

image = np.random.default_rng(0).normal(0, 1, (64, 64)).astype(np.float32)
image[10, 10] = np.nan
image[11, 11] = np.inf
back = {}
for compression in ("zlib", "lerc", "jpegxl"):
    tifffile.imwrite("image.tif", image, compression=compression)
    back[compression] = tifffile.imread("image.tif")
    same = np.array_equal(np.delete(back[compression], 10, axis=0), np.delete(image, 10, axis=0))
    print(f"{compression}: NaN -> {back[compression][10, 10]}, inf -> {back[compression][11, 11]}, "
          f"other rows identical: {same}")
    assert same
assert np.isnan(back["zlib"][10, 10]) and np.isnan(back["jpegxl"][10, 10])
assert back["lerc"][10, 10] == 0.0
PYTHON
