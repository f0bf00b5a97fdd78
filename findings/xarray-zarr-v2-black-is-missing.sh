#!/usr/bin/env bash
#
# Packages: xarray 2026.9.0, zarr 3.1.6, numpy 2.4.6, pandas 3.1.1.
# Guess: a Zarr store of uint8 images, labels and 64-bit identifiers written by zarr opens in xarray with
# its types and values.
# What happens: in format 2, xarray takes Zarr's fill_value, 0 unless one asks otherwise, for "missing":
# every black pixel and every label 0 is NaN, the types become floating, and identifiers beyond 2**53 are
# rounded. In format 3 the same arrays come out as they went in.
# Why it matters: the identifier of the object one wants to observe is now that of another; label 0
# (nominal) is lost; and the same code treats the two formats, which look alike in a folder, in two ways.
#
# Output seen:
#   format 2: id [9007199254740993, 5] -> [9007199254740992.0, 5.0] float64
#   format 2: label [0, 1] -> [nan, 1.0] float32
#   format 2: pixel [0, 200] -> [nan, 200.0] float32
#   format 3: id [9007199254740993, 5] -> [9007199254740993, 5] int64
#   format 3: label [0, 1] -> [0, 1] uint8
#   format 3: pixel [0, 200] -> [0, 200] uint8
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    xarray==2026.9.0 zarr==3.1.6 numpy==2.4.6 pandas==3.1.1
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
import xarray as xr
import zarr

warnings.simplefilter("error")
arrays = {"id": np.array([9007199254740993, 5], np.int64), "label": np.array([0, 1], np.uint8),
          "pixel": np.array([0, 200], np.uint8)}
seen = {}
for version in (2, 3):
    group = zarr.open_group(f"stack{version}.zarr", mode="w", zarr_format=version)
    for name, values in arrays.items():
        if version == 2:
            group.create_array(name, data=values).attrs["_ARRAY_DIMENSIONS"] = ["object"]
        else:
            group.create_array(name, data=values, dimension_names=["object"])
    dataset = xr.open_zarr(f"stack{version}.zarr", consolidated=False)
    seen[version] = {name: dataset[name].values for name in arrays}
    for name, values in seen[version].items():
        print(f"format {version}: {name} {arrays[name].tolist()} -> {values.tolist()} {values.dtype}")
assert seen[2]["id"].tolist() == [9007199254740992.0, 5.0] and seen[2]["id"].dtype == np.float64
assert np.isnan(seen[2]["label"][0]) and np.isnan(seen[2]["pixel"][0])
assert all(np.array_equal(seen[3][name], values) for name, values in arrays.items())
assert all(seen[3][name].dtype == values.dtype for name, values in arrays.items())
PYTHON
