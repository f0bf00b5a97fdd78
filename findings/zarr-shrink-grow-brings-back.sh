#!/usr/bin/env bash
#
# Packages: zarr 3.1.6, h5py 3.16.0, numpy 2.4.6.
# Guess: after `array.resize` to fewer objects and back, the rows that were cut off are the fill value, as
# in HDF5.
# What happens: Zarr deletes only whole chunks beyond the new edge. The part of the edge chunk that was cut
# off stays on disk and is there again when the array grows.
# Why it matters: cutting the bad tail off a stack of cutouts and growing it for the next night brings
# withdrawn images back as real ones, wherever the new rows are not written at once (a failed download).
#
# Output seen:
#   rows 41.. after 100 -> 41 -> 100:
#     zarr: [0.0, 42.0, 43.0, 44.0, 45.0, 46.0, 47.0, 48.0, 49.0, 50.0]
#     hdf5: [0.0]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    zarr==3.1.6 h5py==3.16.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import h5py
import numpy as np
import zarr

images = np.arange(1, 101, dtype=np.float32)[:, None, None] * np.ones((1, 4, 4), np.float32)
kept = {}
array = zarr.create_array("stack.zarr", data=images, chunks=(50, 4, 4))
with h5py.File("stack.h5", "w") as file:
    dataset = file.create_dataset("images", data=images, chunks=(50, 4, 4), maxshape=(None, 4, 4))
    for name, stack in (("zarr", array), ("hdf5", dataset)):
        stack.resize((41, 4, 4))
        stack.resize((100, 4, 4))
        kept[name] = np.unique(stack[41:]).tolist()
print("rows 41.. after 100 -> 41 -> 100:")
for name, values in kept.items():
    print(f"  {name}:", values)
assert kept["hdf5"] == [0.0]
assert kept["zarr"] == [0.0, *map(float, range(42, 51))]
PYTHON
