#!/usr/bin/env bash
#
# Packages: hdf5plugin 7.1.0, h5py 3.16.0, numpy 2.4.6.
# Guess: ZFP with `accuracy=0.1` keeps NaN, or refuses it: its bound says that no pixel is off by more than
# 0.1.
# What happens: NaN comes back as a finite number, 256 in a sky of 100, and nothing warns. Only reversible
# ZFP keeps it. (SZ3 of the same package is left out: it did not return in two runs.)
# Why it matters: bad and missing pixels of a survey are NaN. After this filter they are ordinary fluxes,
# which no mask and no isfinite() finds again.
#
# Output seen:
#   ZFP accuracy 0.1: NaN -> 255.991, largest error of the others 0.022
#   ZFP reversible: NaN -> nan, largest error of the others 0.000
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    hdf5plugin==7.1.0 h5py==3.16.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import h5py
import hdf5plugin
import numpy as np

image = np.random.default_rng(0).normal(100, 5, (64, 64)).astype(np.float32)
image[20, 20] = np.nan
filters = {"ZFP accuracy 0.1": hdf5plugin.Zfp(accuracy=0.1), "ZFP reversible": hdf5plugin.Zfp(reversible=True)}
finite = {}
for name, chosen in filters.items():
    with h5py.File("image.h5", "w") as file:
        file.create_dataset("image", data=image, chunks=(64, 64), compression=chosen)
    with h5py.File("image.h5") as file:
        back = file["image"][()]
    finite[name] = bool(np.isfinite(back[20, 20]))
    others = np.nanmax(np.abs(np.where(np.isnan(image), 0, back - image)))
    print(f"{name}: NaN -> {back[20, 20]:.6g}, largest error of the others {others:.3f}")
    assert others <= 0.1
assert finite == {"ZFP accuracy 0.1": True, "ZFP reversible": False}
PYTHON
