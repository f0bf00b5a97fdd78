#!/usr/bin/env bash
#
# Package: xarray 2026.9.0, numpy 2.4.6.
# Guess: the weighted mean lies between the smallest and the largest value, and with equal weights it is the mean.
# What happens: values and weights are multiplied and added up in their own type. Sixteen counts of 60000 in
# uint16, weighted by a mask of booleans or by an exposure map in uint16, have a mean of 2656 and 1291. An image
# of ones with weights of 200 in uint8 has a mean of 625, since the sum of the weights wraps. No warning. mean()
# itself, and weights of float64 or int64, are right.
# Why it matters: counts and exposure maps are unsigned integers, and a mask is the simplest weight. Stacks and
# background levels are plausible numbers, only wrong.
#
# Output seen:
#   counts, mean(): 60000
#   counts, mask as weight: 2656
#   counts, exposures of uint16: 1291
#   counts, exposures of float64: 60000
#   ones, exposures of uint8: 625
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    xarray==2026.9.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import xarray as xr

counts = xr.DataArray(np.full((4, 4), 60000, np.uint16), dims=("y", "x"))
ones = xr.DataArray(np.ones((20, 20)), dims=("y", "x"))
exposure = xr.full_like(counts, 3)
ways = {
    "counts, mean()": counts.mean(),
    "counts, mask as weight": counts.weighted(counts > 0).mean(),
    "counts, exposures of uint16": counts.weighted(exposure).mean(),
    "counts, exposures of float64": counts.weighted(exposure.astype(float)).mean(),
    "ones, exposures of uint8": ones.weighted(xr.full_like(ones, 200, dtype=np.uint8)).mean(),
}
for name, mean in ways.items():
    print(f"{name}: {mean.item():.0f}")
assert [round(mean.item()) for mean in ways.values()] == [60000, 2656, 1291, 60000, 625]
PYTHON
