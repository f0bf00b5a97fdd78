#!/usr/bin/env bash
#
# Package: opencv-python-headless 5.0.0.93, numpy 2.4.6.
# Guess: shifting a well sampled star by d pixels with warpAffine moves its centroid by d, up to the quality
# of the interpolation, and cubic and Lanczos are better than linear.
# What happens: only linear moves it by d. INTER_CUBIC (its kernel has a = -0.75, which does not reproduce
# a straight line) moves it by 1.5 d for small d: a shift of 0.01 pixel becomes 0.015. INTER_LANCZOS4 looks
# up positions on a grid of 1/32 pixel: a shift of 0.01 does nothing, one of 0.02 moves the star by 0.035.
# Why it matters: bands are registered, and cutouts dithered or augmented, by such shifts. "Better"
# interpolation costs centroid accuracy: at 0.1" a pixel, 5 mas of bias, or steps of 3 mas.
#
# Output seen:
#   INTER_LINEAR   asked [0.01, 0.02, 0.05, 0.1, 0.25], moved ['0.0100', '0.0200', '0.0500', '0.1000',
#     '0.2500']
#   INTER_CUBIC    asked [0.01, 0.02, 0.05, 0.1, 0.25], moved ['0.0149', '0.0294', '0.0714', '0.1360',
#     '0.2969']
#   INTER_LANCZOS4 asked [0.01, 0.02, 0.05, 0.1, 0.25], moved ['0.0000', '0.0350', '0.0694', '0.1034',
#     '0.2645']
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import cv2
import numpy as np

rows, columns = np.mgrid[:64, :64]
star = np.exp(-((columns - 31.5) ** 2 + (rows - 31.5) ** 2) / (2 * 3.0**2)).astype(np.float32)
shifts = [0.01, 0.02, 0.05, 0.1, 0.25]
moved = {}
for name in ("INTER_LINEAR", "INTER_CUBIC", "INTER_LANCZOS4"):
    moved[name] = []
    for shift in shifts:
        matrix = np.array([[1, 0, shift], [0, 1, 0]])
        out = cv2.warpAffine(star, matrix, (64, 64), flags=getattr(cv2, name)).astype(float)
        moved[name].append((out * columns).sum() / out.sum() - 31.5)
    print(f"{name:14} asked {shifts}, moved", [f"{value:.4f}" for value in moved[name]])

assert np.allclose(moved["INTER_LINEAR"], shifts, atol=1e-4)
assert 1.45 < moved["INTER_CUBIC"][0] / 0.01 < 1.55
assert moved["INTER_CUBIC"][4] - 0.25 > 0.04
assert abs(moved["INTER_LANCZOS4"][0]) < 1e-3
assert 0.03 < moved["INTER_LANCZOS4"][1] < 0.04
PYTHON
