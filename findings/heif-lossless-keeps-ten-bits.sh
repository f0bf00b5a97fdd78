#!/usr/bin/env bash
#
# Packages: pillow-heif 1.8.1, pillow 13.0.0, numpy 2.4.6.
# Guess: HEIF with quality=-1, the lossless setting, returns a 16-bit image as it was, or refuses it.
# What happens: the upper ten bits are kept. The image comes back as I;16 and uint16, so nothing shows it: a frame of
# faint counts, 0 to 63, is black, and everything else is cut to a multiple of 64. Even 8-bit colour is not
# lossless with quality=-1 alone: colour is kept once for 2 x 2 pixels unless chroma=444 and
# matrix_coefficients=0 are set too. Grey of 8 bits is exact. That HEIF has 10 or 12 bits is documented.
# Why it matters: raw counts of a detector lie in the lowest bits. An archive turned into "lossless" HEIF has lost its
# sky and all that is faint.
#
# Output seen:
#   16 bits, counts 0 to 63: uint16, off by up to 63, 64 values become 1
#   16 bits, all counts: uint16, off by up to 63, 1017 values become 636
#   8 bits, colour: uint8, off by up to 238, 256 values become 255
#   8 bits, colour, 4:4:4, RGB: uint8, off by up to 0, 256 values become 256
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    pillow-heif==1.8.1 pillow==13.0.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import io

import numpy as np
import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()
rng = np.random.default_rng(0)


def off(name, pixels, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "HEIF", quality=-1, **options)
    back = np.asarray(Image.open(file))
    largest = int(abs(back.astype(int) - pixels).max()) if back.shape == pixels.shape else None
    values = len(np.unique(pixels)), len(np.unique(back))
    print(f"{name}: {back.dtype}, off by up to {largest}, {values[0]} values become {values[1]}")
    return largest, back


faint, back = off("16 bits, counts 0 to 63", rng.integers(0, 64, (32, 32)).astype(np.uint16))
assert faint == 63 and not back.any()
full, back = off("16 bits, all counts", rng.integers(0, 65536, (32, 32)).astype(np.uint16))
assert full >= 60 and back.dtype == np.uint16
colour = rng.integers(0, 256, (32, 32, 3)).astype(np.uint8)
assert off("8 bits, colour", colour)[0] > 100
assert off("8 bits, colour, 4:4:4, RGB", colour, chroma=444, matrix_coefficients=0)[0] == 0
PYTHON
