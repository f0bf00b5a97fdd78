#!/usr/bin/env bash
#
# Package: scikit-learn 1.9.1, numpy 2.4.6.
# Guess: IsotonicRegression depends on the order of the scores alone, so that scores of float32 give what the same
# scores give in float64; only equal scores are taken together.
# What happens: scores closer than an absolute 1e-6 count as equal in float32 (1e-15 in float64), however small
# they are. Five scores between 1e-9 and 3e-7, which tell ordinary from rare without an error, are one point; all
# get about 0.4, half-way between. Times 1e6 the same float32 scores are told apart.
# Why it matters: a network's softmax is float32, and among rare objects most probabilities are far below 1e-6.
# Calibration then gives everything below one probability, and the order is lost where the candidates are.
#
# Output seen:
#   float64: [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]
#   float32: [0.4, 0.4, 0.4, 0.4, 0.4, 1.0, 1.0]
#   float32, times 1e6: [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    scikit-learn==1.9.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from sklearn.isotonic import IsotonicRegression

scores = np.array([1e-9, 1e-8, 3e-8, 1e-7, 3e-7, 0.5, 1.0])
rare = np.array([0, 0, 0, 1, 1, 1, 1.0])
assert len(set(scores.astype(np.float32).tolist())) == 7


def calibrated(values):
    return IsotonicRegression().fit(values, rare).predict(values).round(3)


wide, narrow = calibrated(scores), calibrated(scores.astype(np.float32))
larger = calibrated((scores * 1e6).astype(np.float32))
print("float64:", wide.tolist())
print("float32:", [float(f"{value:.1f}") for value in narrow])
print("float32, times 1e6:", larger.tolist())
assert np.array_equal(wide, rare) and np.array_equal(larger, rare)
assert np.allclose(narrow, [0.4] * 5 + [1, 1], atol=1e-3)
PYTHON
