#!/usr/bin/env bash
#
# Package: pyvips 3.2.0 (libvips 8.18.7), pillow 13.0.0, numpy 2.4.6.
# Guess: a uint16 array written to PNG through new_from_array is a 16-bit PNG.
# What happens: new_from_array calls any array with one band "b-w", black and white of 8 bits, whatever its type.
# PNG and thumbnail_image then clip at 255: everything above is white. JPEG of the same image is scaled by 256, TIFF
# keeps 16 bits. With copy(interpretation="grey16") the PNG has 16 bits and the thumbnail is right.
# Why it matters: the pixels of the image in memory are all right, its avg() too. Of a galaxy in a sky of
# 1000 counts, the file and the preview are a white sheet.
#
# Output seen:
#   as it comes ushort b-w
#       png [0, 255, 255, 255, 255, 255]
#       jpg [0, 0, 4, 16, 158, 255]
#       tif [0, 255, 256, 5000, 40000, 65535]
#       thumbnail [0, 255, 255, 255, 255, 255]
#   grey16 ushort grey16
#       png [0, 255, 256, 5000, 40000, 65535]
#       jpg [0, 0, 4, 16, 158, 255]
#       tif [0, 255, 256, 5000, 40000, 65535]
#       thumbnail [0, 1, 1, 19, 155, 255]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    pyvips==3.2.0 pyvips-binary==8.18.7 pillow==13.0.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import pyvips
from PIL import Image

counts = np.tile(np.array([0, 255, 256, 5000, 40000, 65535], np.uint16), (6, 1))
plain = pyvips.Image.new_from_array(counts)
tagged = plain.copy(interpretation="grey16")
rows = {}
for name, image in (("as it comes", plain), ("grey16", tagged)):
    print(name, image.format, image.interpretation)
    for kind in ("png", "jpg", "tif"):
        file = f"{image.interpretation}.{kind}"
        image.write_to_file(file)
        rows[name, kind] = np.asarray(Image.open(file))[0].tolist()
    rows[name, "thumbnail"] = image.thumbnail_image(6).numpy()[0].tolist()
    for kind in ("png", "jpg", "tif", "thumbnail"):
        print("   ", kind, rows[name, kind])
assert plain.format == "ushort" and plain.interpretation == "b-w"
assert rows["as it comes", "png"] == rows["as it comes", "thumbnail"] == [0, 255, 255, 255, 255, 255]
assert rows["grey16", "png"] == rows["as it comes", "tif"] == counts[0].tolist()
assert rows["grey16", "thumbnail"][3] < 30 and rows["as it comes", "jpg"][3] < 30
PYTHON
