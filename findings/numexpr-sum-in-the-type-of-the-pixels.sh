#!/usr/bin/env bash
#
# Package: numexpr 2.14.2, numpy 2.4.6.
# Guess: evaluate("sum(image)") is image.sum(), faster: float32 added up with care or in double precision,
# integers of 32 bits in 64, as numpy does both.
# What happens: the sum runs in the type of the pixels, one after the other. Ten million pixels of 0.1 are 8.8%
# too bright, a sky of 1000 with noise 5 on 2000 x 2000 pixels 2%, and four of 2^31 - 1 are -4. No warning. numpy
# is right to 1e-6. sum(image * 1.0) is right, since the constant makes it float64.
# Why it matters: numexpr is what one takes where images do not fit in memory twice, and sums over detectors are
# of that size. 8.8% are a tenth of a magnitude.
#
# Output seen:
#   ten million of 0.1: numexpr 1087937, of image * 1.0 1000000, numpy 1000000
#   sky of 1000:        numexpr 4079552512, of image * 1.0 3999996928, numpy 3999996928
#   2^31 - 1, int32:    numexpr -4, numpy 8589934588
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    numexpr==2.14.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numexpr
import numpy as np

flat = np.full(10_000_000, 0.1, np.float32)
sky = np.random.default_rng(0).normal(1000, 5, (2000, 2000)).astype(np.float32)
for name, image in (("ten million of 0.1:", flat), ("sky of 1000:", sky)):
    plain, wide = float(numexpr.evaluate("sum(image)")), float(numexpr.evaluate("sum(image * 1.0)"))
    print(f"{name:19} numexpr {plain:.0f}, of image * 1.0 {wide:.0f}, numpy {image.sum():.0f}")
    true = image.sum(dtype=float)
    assert plain > 1.01 * true
    assert abs(wide / true - 1) < 1e-9 and abs(image.sum() / true - 1) < 1e-5
counts = np.full(4, 2**31 - 1, np.int32)
total = int(numexpr.evaluate("sum(counts)"))
print(f"2^31 - 1, int32:    numexpr {total}, numpy {counts.sum()}")
assert total == -4 and counts.sum() == 4 * (2**31 - 1)
PYTHON
