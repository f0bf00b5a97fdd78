#!/usr/bin/env bash
#
# Package: ImageHash 4.3.2, pillow 13.0.0, numpy 2.4.6.
# Guess: three images with the star in three places have three perceptual hashes.
# What happens: every hash begins with Pillow's conversion to 8-bit grey, which clips 16-bit values at 255
# instead of scaling them. A 16-bit image with a sky above 255 counts is white all over. All such images
# have one and the same hash, by all four methods tried.
# Why it matters: hashes find duplicates in archives of cutouts. With 16-bit PNG or TIFF, all of the archive
# is one duplicate. Scaled to 8 bits before, the same three images differ.
#
# Output seen:
#   average_hash three images: 1 hash from 16 bits, 3 from 8 bits
#   phash        three images: 1 hash from 16 bits, 3 from 8 bits
#   dhash        three images: 1 hash from 16 bits, 3 from 8 bits
#   whash        three images: 1 hash from 16 bits, 3 from 8 bits
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    ImageHash==4.3.2 pillow==13.0.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import imagehash
import numpy as np
from PIL import Image

rng = np.random.default_rng(0)
rows, columns = np.mgrid[:64, :64]
counts = [
    rng.normal(1200, 30, (64, 64)) + 2000 * np.exp(-((rows - at) ** 2 + (columns - at) ** 2) / 50)
    for at in (16, 32, 48)
]
methods = [imagehash.average_hash, imagehash.phash, imagehash.dhash, imagehash.whash]
for method in methods:
    deep = {str(method(Image.fromarray(image.astype(np.uint16)))) for image in counts}
    eight = {str(method(Image.fromarray((image / 16).astype(np.uint8)))) for image in counts}
    print(f"{method.__name__:12} three images: {len(deep)} hash from 16 bits, {len(eight)} from 8 bits")
    assert len(deep) == 1
    assert len(eight) == 3
PYTHON
