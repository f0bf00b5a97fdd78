#!/usr/bin/env bash
#
# Package: galsim 2.8.5, numpy 2.4.6.
# Guess: drawing into an integer image rounds each pixel, so the flux is kept but for a fraction of a count.
# What happens: the values are cut, not rounded, and each object by itself. A star of 100 counts keeps 91. A
# hundred stars of one count each at one place add up to 100 in a float image and to 0 in an integer one.
# Nothing warns, and the flux that drawImage reports (added_flux) is the full one.
# Why it matters: simulated surveys for detection limits and completeness draw faint sources onto integer
# frames, as a camera gives them. The faint ones are not there at all, and bright ones lose their wings.
# Draw in float and quantise once.
#
# Output seen:
#   a star of 100 counts in float32: 100.00, added_flux 100.00
#   a star of 100 counts in int16: 91.00, added_flux 100.00
#   a star of 100 counts in int32: 91.00, added_flux 100.00
#   100 stars of 1 count at one place, float32: 100.00
#   100 stars of 1 count at one place, int32: 0.00
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check galsim==2.8.5 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import galsim
import numpy as np

star = galsim.Gaussian(sigma=1.0, flux=100)
alone = {}
for dtype in (np.float32, np.int16, np.int32):
    image = star.drawImage(nx=15, ny=15, scale=1.0, dtype=dtype)
    alone[dtype] = float(image.array.sum())
    print(f"a star of 100 counts in {dtype.__name__}: {alone[dtype]:.2f}, added_flux {image.added_flux:.2f}")
    assert abs(image.added_flux - 100) < 0.1

faint = galsim.Gaussian(sigma=1.0, flux=1)
summed = {}
for kind in (galsim.ImageF, galsim.ImageI):
    image = kind(15, 15)
    for _ in range(100):
        faint.drawImage(image, scale=1.0, add_to_image=True)
    summed[kind] = float(image.array.sum())
    print(f"100 stars of 1 count at one place, {image.array.dtype}: {summed[kind]:.2f}")
assert abs(alone[np.float32] - 100) < 0.1 and abs(summed[galsim.ImageF] - 100) < 0.1
assert alone[np.int16] == alone[np.int32] == 91
assert summed[galsim.ImageI] == 0
PYTHON
