#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, numpy 2.4.6.
# Guess: fitsdiff tells a pixel without a value from one that has overflown.
# What happens: FITSDiff takes NaN, inf and -inf for one and the same value, in images and in the columns of
# tables, and says "identical". With a finite number in the place of the NaN it does find the difference. The
# code says so in a comment; the documentation does not.
# Why it matters: fitsdiff is how pipelines show that a new version makes the same products. A division by a
# dead flat-field pixel that becomes inf instead of NaN passes. Filters for NaN, as nanmean or a mask by isnan,
# then let the inf through.
#
# Output seen:
#   image, NaN and inf: identical True
#   image, NaN and -inf: identical True
#   image, inf and -inf: identical True
#   image, NaN and 5.0: identical False
#   table, NaN and inf: identical True
#   nanmean of the first image: 1.0 of the second: inf
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from astropy.io import fits


def image(value):
    pixels = np.ones((4, 4), np.float32)
    pixels[1, 2] = value
    return fits.HDUList([fits.PrimaryHDU(pixels)])


def table(value):
    column = fits.Column("z", "E", array=np.array([1, value, 3], np.float32))
    return fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns([column])])


def same(kind, one, other):
    answer = fits.FITSDiff(kind(one), kind(other)).identical
    print(f"{kind.__name__}, {'NaN' if one != one else one} and {other}: identical {answer}")
    return answer


assert same(image, np.nan, np.inf)
assert same(image, np.nan, -np.inf)
assert same(image, np.inf, -np.inf)
assert not same(image, np.nan, 5.0)
assert same(table, np.nan, np.inf)
means = [float(np.nanmean(image(value)[0].data)) for value in (np.nan, np.inf)]
print("nanmean of the first image:", means[0], "of the second:", means[1])
assert means == [1.0, np.inf]
PYTHON
