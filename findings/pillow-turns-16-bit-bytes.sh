#!/usr/bin/env bash
#
# Package: pillow 13.0.0, numpy 2.4.6.
# Guess: rotate and transform of a 16-bit image (mode I;16) with bilinear or bicubic interpolation give what they give
# for the same pixels in mode I or F; or they refuse, as reduce does for that mode.
# What happens: the interpolation works on single bytes. An image of 40000 everywhere, turned by 10 degrees, has values
# between 67 and 152 in its middle; shifted by half a pixel it is 110. No warning. Nearest neighbour, quarter turns and
# resize are right in mode I;16.
# Why it matters: turning by any angle is how galaxies are augmented, and 16-bit PNG and TIFF open in this mode. The turned
# images are noise at another brightness, among quarter turns that are right.
#
# Output seen:
#   I;16, nearest: turned by 10 degrees 40000 to 40000, shifted by half a pixel 40000, resized 40000
#   I;16, bilinear: turned by 10 degrees 67 to 152, shifted by half a pixel 110, resized 40000
#   I;16, bicubic: turned by 10 degrees 64 to 155, shifted by half a pixel 110, resized 40000
#   I, bilinear: turned by 10 degrees 40000 to 40000, shifted by half a pixel 40000, resized 40000
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    pillow==13.0.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from PIL import Image

pixels = np.full((16, 16), 40000, np.uint16)
short, long = Image.fromarray(pixels), Image.fromarray(pixels.astype(np.int32))
assert (short.mode, long.mode) == ("I;16", "I")


def look(image, way):
    how = Image.Resampling[way.upper()]
    turned = np.asarray(image.rotate(10, how))[4:12, 4:12]
    shifted = np.asarray(image.transform((16, 16), Image.Transform.AFFINE, (1, 0, 0.5, 0, 1, 0), how))[4:12, 4:12]
    larger = np.asarray(image.resize((32, 32), how))
    assert shifted.min() == shifted.max() and larger.min() == larger.max()
    seen = [int(value) for value in (turned.min(), turned.max(), shifted.min(), larger.min())]
    print(
        f"{image.mode}, {way}: turned by 10 degrees {seen[0]} to {seen[1]}, shifted by half a pixel {seen[2]},"
        f" resized {seen[3]}"
    )
    return seen


right = [40000] * 4
assert look(short, "nearest") == right
for way in ("bilinear", "bicubic"):
    seen = look(short, way)
    assert seen[1] < 256 and seen[2] < 256 and seen[3] == 40000
assert look(long, "bilinear") == right
PYTHON
