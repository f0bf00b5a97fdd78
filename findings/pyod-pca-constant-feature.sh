#!/usr/bin/env bash
#
# Package: pyod 3.6.7, scikit-learn 1.9.1, numpy 2.4.6.
# Guess: a feature that is the same for all images changes nothing in the PCA detector: its component has no
# variance.
# What happens: each distance is divided by the variance of its component, and that one's is 0. All scores are
# inf, the threshold is NaN, no image is an outlier; the source at 50 sigma is one of 300 at inf. Where rounding
# leaves a variance of 1e-17, the scores are finite and that component alone decides. Without the feature, or with
# weighted=False, the source is first.
# Why it matters: an edge pixel without data, a unit of a network that is never active, a band that is missing:
# one constant among 1280 features takes the ranking away.
#
# Output seen:
#   without the feature: rank of the source 1, inf 0, outliers 30
#   with the feature: rank of the source -, inf 300, outliers 0
#   with the feature, weighted=False: rank of the source 1, inf 0, outliers 30
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
from pyod.models.pca import PCA

images = np.random.default_rng(0).normal(0, 1, (300, 4))
images[50] = [50, 0, 0, 0]
images[:, 2] = 7


def look(name, features, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        detector = PCA(**options).fit(features)
    scores = detector.decision_scores_
    lost, outliers = int(np.isinf(scores).sum()), int(detector.labels_.sum())
    rank = "-" if lost else int((scores > scores[50]).sum()) + 1
    print(f"{name}: rank of the source {rank}, inf {lost}, outliers {outliers}")
    return rank, lost, outliers


assert look("without the feature", np.delete(images, 2, axis=1)) == (1, 0, 30)
assert look("with the feature", images) == ("-", 300, 0)
assert look("with the feature, weighted=False", images, weighted=False) == (1, 0, 30)
PYTHON
