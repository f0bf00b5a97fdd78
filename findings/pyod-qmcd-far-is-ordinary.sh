#!/usr/bin/env bash
#
# Package: pyod 3.6.7, scikit-learn 1.9.1, numpy 2.4.6.
# Guess: in QMCD, as in every detector of pyod, "the higher, the more abnormal": what lies further out than all
# training images has a score at least as high as theirs.
# What happens: the other way round. The features are scaled to 0 ... 1 by the training images and the discrepancy
# wraps around at 1; outside it falls without end. At 10 standard deviations the score is below that of every
# training image, at 1000 it is -345, and predict says ordinary, probability 0. Trained with the outlier in it,
# 298 of the other 299 have a higher score.
# Why it matters: QMCD is offered as fast and without parameters. Sorted by it, the rarest objects of a new survey
# are the last of the list. KNN on the same images has them first.
#
# Output seen:
#   training images: QMCD -3.1502 to -3.1479, KNN 0.44 to 2.51
#   0 sigma: QMCD -3.1503, predict 0, KNN 0.67
#   3 sigma: QMCD -3.1495, predict 0, KNN 1.65
#   10 sigma: QMCD -3.1685, predict 0, KNN 8.23
#   1000 sigma: QMCD -345.4506, predict 0, KNN 998.08
#   outlier among the training images: 298 of 299 have a higher score
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    pyod==3.6.7 scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from pyod.models.knn import KNN
from pyod.models.qmcd import QMCD

images = np.random.default_rng(0).normal(0, 1, (300, 4))
far = np.zeros((4, 4))
far[:, 0] = sigmas = [0, 3, 10, 1000]
qmcd, knn = QMCD().fit(images), KNN().fit(images)
known = qmcd.decision_scores_
told = f"KNN {knn.decision_scores_.min():.2f} to {knn.decision_scores_.max():.2f}"
print(f"training images: QMCD {known.min():.4f} to {known.max():.4f}, {told}")
scores, others, labels = qmcd.decision_function(far), knn.decision_function(far), qmcd.predict(far)
for sigma, score, label, other in zip(sigmas, scores, labels, others, strict=True):
    print(f"{sigma} sigma: QMCD {score:.4f}, predict {label}, KNN {other:.2f}")
images[0] = far[3]
again = QMCD().fit(images).decision_scores_
print(f"outlier among the training images: {int((again > again[0]).sum())} of 299 have a higher score")
assert scores[2] < known.min() and scores[3] < -100 and not labels.any()
assert (np.diff(others) > 0).all()
assert (again > again[0]).sum() > 290
PYTHON
