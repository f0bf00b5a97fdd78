#!/usr/bin/env bash
#
# Package: scikit-learn 1.9.1, numpy 2.4.6.
# Guess: PCA takes the mean off first, so a constant background under the images changes nothing.
# What happens: for many rows and up to 1000 columns the default svd_solver="auto" takes covariance_eigh,
# which forms X'X and subtracts n mean mean' afterwards, in the precision of the input. In float32 a
# background of 1000 with a noise of 1 cancels: the first variance comes out 13 times too large, and
# the first component no longer holds the direction that carries the signal. No warning. svd_solver="full"
# is right, and so is float64.
# Why it matters: cutouts up to 31 x 31 pixels, or frozen features, are float32 with a sky level or an offset
# far above their scatter; eigen-galaxies and reconstruction errors (a novelty score) are then noise.
#
# Output seen:
#   background    0, svd_solver=auto (covariance_eigh): first variance 9.04, signal in the first
#     component 1.00
#   background    0, svd_solver=full (full): first variance 9.04, signal in the first component 1.00
#   background  100, svd_solver=auto (covariance_eigh): first variance 9.06, signal in the first
#     component 1.00
#   background  100, svd_solver=full (full): first variance 9.04, signal in the first component 1.00
#   background 1000, svd_solver=auto (covariance_eigh): first variance 119.36, signal in the first
#     component 0.04
#   background 1000, svd_solver=full (full): first variance 9.04, signal in the first component 1.00
#   background 1000, float64, auto: first variance 9.04
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check scikit-learn==1.9.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from sklearn.decomposition import PCA

rng = np.random.default_rng(0)
images = rng.normal(size=(20_000, 50))
images[:, 0] *= 3  # the signal: variance 9 in the first pixel, 1 in every other

first = {}
for background in (0, 100, 1000):
    for solver in ("auto", "full"):
        fitted = PCA(n_components=3, svd_solver=solver).fit((images + background).astype(np.float32))
        share = abs(fitted.components_[0, 0])
        first[background, solver] = fitted.explained_variance_[0], share
        print(
            f"background {background:4}, svd_solver={solver} ({fitted._fit_svd_solver}):"
            f" first variance {fitted.explained_variance_[0]:.2f}, signal in the first component {share:.2f}"
        )
double = PCA(n_components=3).fit(images + 1000)
print(f"background 1000, float64, auto: first variance {double.explained_variance_[0]:.2f}")

assert all(abs(first[background, "full"][0] - 9.04) < 0.01 for background in (0, 100, 1000))
assert abs(first[0, "auto"][0] - 9.04) < 0.01
assert abs(double.explained_variance_[0] - 9.04) < 0.01
assert first[1000, "auto"][0] > 20 and first[1000, "auto"][1] < 0.9
PYTHON
