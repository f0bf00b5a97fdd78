#!/usr/bin/env bash
#
# Package: h5py 3.16.0, numpy 2.4.6.
# Guess: scaleoffset=3 keeps three digits behind the point, and NaN stays NaN or is refused. What is read back
# after writing, and after a flush, is what will be in the file.
# What happens: while the file is open, the data set gives the exact values and the NaN, out of its chunk cache.
# In the file the values are rounded, and each NaN is a number within the range of its chunk, an ordinary flux
# that nothing marks. Beyond the cache of some MiB the rounded values appear at once.
# Why it matters: blank pixels become measured ones, and the test that everybody writes, to write a small image
# and compare, passes.
#
# Output seen:
#   written:        [9.464, nan, 11.304]
#   before closing: [9.464, nan, 11.304], largest difference 0.00000
#   after closing:  [9.465, 6.101, 11.304], largest difference 0.00050
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    h5py==3.16.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import h5py
import numpy as np

flux = np.random.default_rng(0).normal(10, 1, 1000).astype(np.float32)
flux[5] = np.nan
with h5py.File("flux.h5", "w") as file:
    data = file.create_dataset("flux", data=flux, scaleoffset=3, chunks=(1000,))
    file.flush()
    early = data[:]
with h5py.File("flux.h5") as file:
    late = file["flux"][:]


def told(values):
    return [round(float(value), 3) for value in values[4:7]]


print("written:       ", told(flux))
differences = [np.nanmax(np.abs(values - flux)) for values in (early, late)]
print(f"before closing: {told(early)}, largest difference {differences[0]:.5f}")
print(f"after closing:  {told(late)}, largest difference {differences[1]:.5f}")
assert np.array_equal(early, flux, equal_nan=True)
assert 0 < differences[1] < 0.00051
assert 5 < late[5] < 15
PYTHON
