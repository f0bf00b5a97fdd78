#!/usr/bin/env bash
#
# Packages: scikit-image 0.26.0, imageio 2.38.1, pillow 13.0.0, astropy 8.0.2, numpy 2.4.6.
# Guess: skimage.io.imread and imageio read a FITS image as astropy does, as they read a TIFF like tifffile.
# What happens: they hand it to Pillow, which takes the bytes for a picture. The rows come out upside down, BZERO and
# BSCALE are not applied, and signed 16 bits are shown as unsigned. Unsigned 16-bit counts (BZERO 32768, what
# cameras write) of 300 are 33068 and of 60000 are 27232; -2 is 65534; of a cube there is one plane. No warning.
# Why it matters: "read whatever image is in the folder" is written with these two functions. The counts keep their order
# up to 32767 and then start again below, so the sky looks right and the bright stars are dark.
#
# Output seen:
#   uint16: astropy [[1, 2, 300], [4, 5, 60000]], scikit-image [[32772, 32773, 27232], [32769, 32770, 33068]]
#   int16: astropy [[1, -2, 300], [4, 5, 6]], scikit-image [[4, 5, 6], [1, 65534, 300]]
#   float32: astropy [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], scikit-image [[4.0, 5.0, 6.0], [1.0, 2.0, 3.0]]
#   cube of (3, 2, 2): scikit-image (2, 2)
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    scikit-image==0.26.0 imageio==2.38.1 pillow==13.0.0 astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import imageio.v3 as imageio
import numpy as np
from astropy.io import fits
from skimage import io

seen = {}
for kind, values in (
    ("uint16", [[1, 2, 300], [4, 5, 60000]]),
    ("int16", [[1, -2, 300], [4, 5, 6]]),
    ("float32", [[1, 2, 3], [4, 5, 6]]),
):
    fits.writeto("image.fits", np.array(values, kind), overwrite=True)
    right, read = fits.getdata("image.fits"), io.imread("image.fits")
    assert np.array_equal(read, imageio.imread("image.fits"))
    print(f"{kind}: astropy {right.tolist()}, scikit-image {read.tolist()}")
    assert right.tolist() == values
    seen[kind] = read[::-1].astype(np.int64)
assert np.array_equal(seen["uint16"], (np.array([[1, 2, 300], [4, 5, 60000]]) + 32768) % 65536)
assert np.array_equal(seen["int16"], np.array([[1, -2, 300], [4, 5, 6]]) % 65536)
assert np.array_equal(seen["float32"], [[1, 2, 3], [4, 5, 6]])

fits.writeto("cube.fits", np.arange(12, dtype=np.uint8).reshape(3, 2, 2))
print("cube of (3, 2, 2): scikit-image", io.imread("cube.fits").shape)
assert io.imread("cube.fits").shape == (2, 2)
PYTHON
