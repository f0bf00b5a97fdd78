#!/usr/bin/env bash
#
# Package: imagecodecs 2026.3.6, numpy 2.4.6.
# Guess: reversible JPEG 2000 gives back 32-bit integer images exactly, or refuses a depth that it cannot
# hold.
# What happens: it takes int32 and uint32 and gives back other numbers, without an error. Below 2**24 all
# is well, so counts of a short exposure pass the test. The high-throughput variant (htj2k) of the same
# package is exact.
# Why it matters: BITPIX 32 FITS planes (co-added counts, segmentation maps, bit flags with bit 31 set) are
# archived as "lossless" JPEG 2000, and the largest values and the flags come back as something else.
#
# Output seen:
#   16 bits: jpeg2k largest error 0, htj2k exact: True
#   24 bits: jpeg2k largest error 0, htj2k exact: True
#   25 bits: jpeg2k largest error 38797312, htj2k exact: True
#   26 bits: jpeg2k largest error 66931972, htj2k exact: True
#   28 bits: jpeg2k largest error 268425710, htj2k exact: True
#   31 bits: jpeg2k largest error 2143289344, htj2k exact: True
#   32 bits: jpeg2k largest error 4290259693, htj2k exact: True
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    imagecodecs==2026.3.6 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from imagecodecs import htj2k_decode, htj2k_encode, jpeg2k_decode, jpeg2k_encode

rng = np.random.default_rng(0)
exact = {}
for bits in (16, 24, 25, 26, 28, 31, 32):
    image = rng.integers(0, 2**bits, (64, 64), dtype=np.uint32)
    plain = jpeg2k_decode(jpeg2k_encode(image, level=0, reversible=True))
    fast = htj2k_decode(htj2k_encode(image, reversible=True))
    exact[bits] = np.array_equal(plain, image), np.array_equal(fast, image)
    worst = np.abs(plain.astype(np.int64) - image).max()
    print(f"{bits} bits: jpeg2k largest error {worst}, htj2k exact: {exact[bits][1]}")
    assert plain.dtype == image.dtype and plain.shape == image.shape
assert exact[16] == exact[24] == (True, True)
assert all(exact[bits] == (False, True) for bits in (25, 26, 28, 31, 32))
PYTHON
