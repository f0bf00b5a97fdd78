#!/usr/bin/env bash
#
# Packages: scipy 1.17.1, numpy 2.4.6.
# Guess: ndimage.median of a segment with a NaN in it is NaN, as the mean, the maximum and the sum of the same segment
# are; or the NaN is left out. Asking for one segment or for a list of segments makes no difference.
# What happens: asked for one segment it is NaN; asked for a list, NaN counts as the brightest pixel, and the middle of the
# sorted values moves up by half a place for each. Of 1 2 3 4 and three NaN the median is 4; without NaN it would be
# 2.5. No warning.
# Why it matters: ndimage with labels is the usual way to a table of fluxes and local skies per segment. Everything else in
# the row says NaN; the median, and the sky taken from it, is a plausible number that is too bright.
#
# Output seen:
#   1 2 3 4 nan nan nan: median in a list 4.0, alone nan, mean nan, sum nan, maximum nan, nanmedian 2.5
#   1 2 3 4 nan: median in a list 3.0, alone nan, mean nan, sum nan, maximum nan, nanmedian 2.5
#   1 2 nan: median in a list 2.0, alone nan, mean nan, sum nan, maximum nan, nanmedian 1.5
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    scipy==1.17.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from scipy import ndimage

nan = np.nan
for values, wrong in (([1, 2, 3, 4, nan, nan, nan], 4), ([1, 2, 3, 4, nan], 3), ([1, 2, nan], 2)):
    image = np.array([9, *values, 9.0])
    segments = np.array([1, *[2] * len(values), 1])
    median, mean, total, top = (
        float(measure(image, segments, [1, 2])[1])
        for measure in (ndimage.median, ndimage.mean, ndimage.sum_labels, ndimage.maximum)
    )
    alone, left_out = float(ndimage.median(image, segments, 2)), float(np.nanmedian(values))
    print(
        " ".join(f"{value:g}" for value in values) + f": median in a list {median}, alone {alone}, mean {mean}, sum {total},"
        f" maximum {top}, nanmedian {left_out}"
    )
    assert median == wrong > left_out
    assert np.isnan([mean, total, top, alone]).all()
PYTHON
