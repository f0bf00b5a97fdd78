#!/usr/bin/env bash
#
# Package: pyfive 1.3.0 (HDF5 in pure Python, for object stores), h5py 3.16.0, numpy 2.4.6.
# Guess: what pyfive does not support is refused, as it refuses the scale-offset filter.
# What happens: a dataset whose values lie in another file (external storage) is read as zeros, and a virtual dataset as
# `None`, both with shape and dtype as they should be. A chunk that was never written, and has a fill value, is a
# KeyError, also for the part beside it that was. h5py reads all three. No warning.
# Why it matters: detectors and simulations write raw files with an HDF5 file that describes them, and large archives are
# one virtual dataset over many parts. Images that are all zero look like blank sky, not like an image that is missing.
#
# Output seen:
#   external: pyfive [0.0, 0.0, 0.0, 0.0], h5py [1.0, 2.0, 3.0, 4.0]
#   virtual: pyfive None, h5py [10, 11, 12, 13]
#   sparse: pyfive KeyError, h5py [1.0, 1.0, nan, nan]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    pyfive==1.3.0 h5py==3.16.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import h5py
import numpy as np
import pyfive

with h5py.File("part.h5", "w") as part:
    part["images"] = np.arange(4) + 10
with h5py.File("survey.h5", "w") as file:
    file.create_dataset("external", (4,), np.float32, external=[("raw.bin", 0, 16)])[:] = [1, 2, 3, 4]
    layout = h5py.VirtualLayout((4,), np.int64)
    layout[:] = h5py.VirtualSource("part.h5", "images", (4,))
    file.create_virtual_dataset("virtual", layout)
    file.create_dataset("sparse", (4,), np.float32, chunks=(2,), fillvalue=np.nan)[:2] = 1

found = {}
with h5py.File("survey.h5") as truth, pyfive.File("survey.h5") as file:
    for name in ("external", "virtual", "sparse"):
        assert (file[name].shape, file[name].dtype) == (truth[name].shape, truth[name].dtype)
        try:
            values = file[name][:]
            found[name] = None if values is None else values.tolist()
        except KeyError:
            found[name] = "KeyError"
        print(f"{name}: pyfive {found[name]}, h5py {truth[name][:].tolist()}")
assert found == {"external": [0, 0, 0, 0], "virtual": None, "sparse": "KeyError"}
PYTHON
