#!/usr/bin/env bash
#
# Packages: zarr 3.1.6, numcodecs 0.16.6, numpy 2.4.6.
# Guess: the Delta filter is lossless, NaN included: only the byte order of the differences changes.
# What happens: decoding is a running sum, so the first NaN of a chunk makes every later pixel of the chunk
# NaN. Behind one saturated star of 1e8 the rest of the chunk is off by more than the noise (float32 sums).
# The codec takes float types without a word.
# Why it matters: Delta before Blosc makes images of counts smaller, and looks as good for floats. One bad
# pixel in the first row of a chunk wipes out the image, and it does so on disk: the original is gone once
# the FITS file is deleted.
#
# Output seen:
#   NaN before: 1, after: 4032 of 4096
#   largest error beside a star of 1e8: 1.7 in a sky of 10
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    zarr==3.1.6 numcodecs==0.16.6 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numcodecs
import numpy as np
import zarr


def through(image):
    store = zarr.create_array(zarr.storage.MemoryStore(), shape=image.shape, chunks=image.shape, dtype="f4",
                              zarr_format=2, filters=[numcodecs.Delta("f4")])
    store[:] = image
    return store[:]


sky = np.random.default_rng(0).normal(10, 1, (64, 64)).astype(np.float32)
assert np.abs(through(sky) - sky).max() < 1e-4
one_nan = sky.copy()
one_nan[1, 0] = np.nan
lost = int(np.isnan(through(one_nan)).sum())
star = sky.copy()
star[1, 0] = 1e8
error = float(np.abs(through(star) - star)[2:].max())
print("NaN before: 1, after:", lost, "of", sky.size)
print(f"largest error beside a star of 1e8: {error:.1f} in a sky of 10")
assert lost == 64 * 63
assert error > 1
PYTHON
