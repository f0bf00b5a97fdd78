#!/usr/bin/env bash
#
# Packages: pillow 13.0.0, tifffile 2026.3.3, numpy 2.4.6.
# Guess: a TIFF whose tag says that 0 is white (PhotometricInterpretation WhiteIsZero) is turned into a positive by a
# reader, or handed out as stored; the number of bits makes no difference.
# What happens: Pillow turns 8 bits round and hands out 16 bits as they are stored. The same plate, saved in 8 and in
# 16 bits, is a positive once and a negative once. tifffile never turns anything. None says so.
# Why it matters: scans of photographic plates are saved that way, sky white and stars black. Read at another depth or by
# another library, the stars are holes in the sky, and a search for the brightest finds scratches.
#
# Output seen:
#   uint8: stored [0, 10, 250], Pillow [255, 245, 5], tifffile [0, 10, 250]
#   uint16: stored [0, 10, 250], Pillow [0, 10, 250], tifffile [0, 10, 250]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import tifffile
from PIL import Image

stored = [0, 10, 250]
for dtype, seen in (("uint8", [255, 245, 5]), ("uint16", stored)):
    path = f"{dtype}.tif"
    tifffile.imwrite(path, np.array([stored], dtype), photometric="miniswhite")
    with Image.open(path) as image:
        assert image.tag_v2[262] == 0
        by_pillow = np.asarray(image)[0].tolist()
    by_tifffile = tifffile.imread(path)[0].tolist()
    print(f"{dtype}: stored {stored}, Pillow {by_pillow}, tifffile {by_tifffile}")
    assert by_pillow == seen and by_tifffile == stored
PYTHON
