#!/usr/bin/env bash
#
# Packages: images_to_zarr 0.3.5 (what Cutana writes its stores with), zarr 3.1.6, astropy 8.0.2, numpy 2.4.6,
# pandas 3.1.1, pyarrow 26.0.1, scikit-image 0.26.0, imageio 2.38.1, pillow 13.0.0.
# Guess: a folder of FITS images goes into the Zarr store with its values, or in a wider type.
# What happens: the type of the store is that of the first three files, and only floats and uint16 are looked for;
# all else is stored as uint8. Signed integers, the usual type of FITS counts, are cut to their lowest byte: 300 is
# 44, 1000 is 232, -1 is 255. Floats wrap as well if they come after three 8-bit files. No warning is given.
# Why it matters: the store is what a network is trained on. A star's core has contour rings in it where
# the counts pass 256, 512, 768; the faint sky is unchanged, so a look at a dark cutout shows nothing.
#
# Output seen:
#   int16 [300, 1000, -1, 7] is stored as uint8 [44, 232, 255, 7]
#   int32 [300, 1000, -1, 7] is stored as uint8 [44, 232, 255, 7]
#   uint16 [300, 1000, 60000, 7] is stored as uint16 [300, 1000, 60000, 7]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    images_to_zarr==0.3.5 zarr==3.1.6 astropy==8.0.2 numpy==2.4.6 pandas==3.1.1 pyarrow==26.0.1 \
    scikit-image==0.26.0 imageio==2.38.1 pillow==13.0.0
cd "$work"
"$work/venv/bin/python" - 2>messages <<'PYTHON'
from pathlib import Path

import numpy as np
import zarr
from astropy.io import fits
from images_to_zarr import convert


def stored(kind, values):
    folder = Path(kind)
    folder.mkdir()
    fits.writeto(folder / "star.fits", np.array(values, kind).reshape(2, 2))
    store = convert(folder / "out", folders=[folder], num_parallel_workers=1)
    images = zarr.open_group(store, mode="r")["images"]
    print(f"{kind} {values} is stored as {images.dtype} {images[:].ravel().tolist()}")
    return str(images.dtype), images[:].ravel().tolist()


assert stored("int16", [300, 1000, -1, 7]) == ("uint8", [44, 232, 255, 7])
assert stored("int32", [300, 1000, -1, 7]) == ("uint8", [44, 232, 255, 7])
assert stored("uint16", [300, 1000, 60000, 7]) == ("uint16", [300, 1000, 60000, 7])
PYTHON
