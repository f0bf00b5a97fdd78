#!/usr/bin/env bash
#
# Package: albumentations 2.0.8, albucore 0.0.24, opencv-python-headless 5.0.0.93, numpy 2.4.6.
# Guess: float32 flux stays flux: an augmentation that blurs smooths the values, whatever their range.
# What happens: half of the transforms take float32 to lie in 0 to 1 and clip to it. GaussianBlur and
# MedianBlur clip, Blur does not; GaussNoise and Sharpen clip; Rotate, Affine, Resize and ElasticTransform
# do not; RandomGamma gives NaN for negative pixels. No warning, and nothing in the type says so.
# Why it matters: a sky-subtracted cutout (noise 1, galaxy 50) comes out of GaussianBlur with every negative
# pixel 0 and the whole galaxy 1. With p=0.5, half of the training set is that. Networks train on it without
# complaint.
#
# Output seen:
#   input: -3.9 to 51.2
#   GaussianBlur: 0.0 to 1.0
#   MedianBlur: 0.0 to 1.0
#   MotionBlur: 0.0 to 1.0
#   Sharpen: 0.0 to 1.0
#   GaussNoise: 0.0 to 1.0
#   Downscale: 0.0 to 1.0
#   Blur: -1.3 to 48.9
#   Rotate: -2.6 to 50.5
#   Affine: -3.0 to 51.0
#   Resize: -1.5 to 49.9
#   ElasticTransform: -3.7 to 51.2
#   ToGray: -2.3 to 50.5
#   RandomGamma: 42% NaN, input 42% negative
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    albumentations==2.0.8 albucore==0.0.24 opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import os
import warnings

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
import albumentations as A
import numpy as np

warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
rows, columns = np.mgrid[:64, :64]
galaxy = 50 * np.exp(-((rows - 32) ** 2 + (columns - 32) ** 2) / 50)
image = (rng.normal(0, 1, (64, 64, 3)) + galaxy[..., None]).astype(np.float32)

clipping = [
    A.GaussianBlur(p=1),
    A.MedianBlur(blur_limit=3, p=1),
    A.MotionBlur(p=1),
    A.Sharpen(p=1),
    A.GaussNoise(p=1),
    A.Downscale(p=1),
]
keeping = [
    A.Blur(p=1),
    A.Rotate(limit=(30, 30), p=1),
    A.Affine(scale=(1.1, 1.1), p=1),
    A.Resize(32, 32, p=1),
    A.ElasticTransform(p=1),
    A.ToGray(p=1),
]
print(f"input: {image.min():.1f} to {image.max():.1f}")
for transform in clipping + keeping:
    out = A.Compose([transform], seed=1)(image=image)["image"]
    print(f"{type(transform).__name__}: {out.min():.1f} to {out.max():.1f}")
    if transform in clipping:
        assert out.min() == 0 and out.max() == 1
    else:
        assert out.min() < -0.5 and out.max() > 40
gamma = A.Compose([A.RandomGamma(gamma_limit=(80, 80), p=1)], seed=1)(image=image)["image"]
print(f"RandomGamma: {np.isnan(gamma).mean():.0%} NaN, input {(image < 0).mean():.0%} negative")
assert np.isnan(gamma).any()
PYTHON
