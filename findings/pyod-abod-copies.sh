#!/usr/bin/env bash
#
# Package: pyod 3.6.7, scikit-learn 1.9.1, numpy 2.4.6.
# Guess: images that are in the set twice or more are ordinary to ABOD, or at least do not touch the others.
# What happens: ABOD takes the variance of the angles to an image's five neighbours, copies left out. With three
# copies one angle remains; its variance is 0, the highest score there is, and the three are the most anomalous of
# all, before a source at 50 sigma. With four or more none remains. Their scores are NaN, so is the threshold, and
# no image of the whole set is an outlier any more.
# Why it matters: archives have the same cutout more than once, and empty cutouts are all the same. Four of 300
# switch the detector off, and two RuntimeWarnings of numpy are all that there is to see.
#
# Output seen:
#   1 of an image: its rank 194, rank of the source at 50 sigma 1, NaN 0, outliers 30
#   2 of an image: its rank 157, rank of the source at 50 sigma 1, NaN 0, outliers 30
#   3 of an image: its rank 1, rank of the source at 50 sigma 4, NaN 0, outliers 30
#   4 of an image: its rank -, rank of the source at 50 sigma 1, NaN 4, outliers 0
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    pyod==3.6.7 scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
from pyod.models.abod import ABOD

images = np.random.default_rng(0).normal(0, 1, (300, 4))
images[50] = [50, 0, 0, 0]
seen = {}
for copies in (1, 2, 3, 4):
    same = images.copy()
    same[:copies] = same[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        detector = ABOD().fit(same)
    scores = detector.decision_scores_
    lost, outliers = int(np.isnan(scores).sum()), int(detector.labels_.sum())
    ranks = ["-" if np.isnan(scores[place]) else int((scores > scores[place]).sum()) + 1 for place in (0, 50)]
    seen[copies] = *ranks, lost, outliers
    print(
        f"{copies} of an image: its rank {ranks[0]}, rank of the source at 50 sigma {ranks[1]}, NaN {lost},"
        f" outliers {outliers}"
    )
assert seen[1][1:] == seen[2][1:] == (1, 0, 30) and seen[1][0] > 50 and seen[2][0] > 50
assert seen[3] == (1, 4, 0, 30)
assert seen[4] == ("-", 1, 4, 0)
PYTHON
