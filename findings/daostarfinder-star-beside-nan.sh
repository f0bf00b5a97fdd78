#!/usr/bin/env bash
#
# Package: photutils 3.0.0, astropy 8.0.2, numpy 2.4.6, scipy 1.17.1.
# Guess: a NaN in the wing of a star of 100 sigma costs DAOStarFinder that one pixel; the star is found.
# What happens: the star is not found at all, for a NaN up to four pixels from its centre: the convolution
# spreads it over the kernel. There is no warning. detect_sources on the same image finds the star.
# Why it matters: NaN marks cosmic rays and bad columns, and bright stars have saturated (NaN) pixels. The
# brightest objects of a calibrated frame are the ones left out of the catalogue.
#
# Output seen:
#   clean: [(12, 41), (30, 30)]
#   NaN 1 px from the first: [(12, 41)] | segments: 2
#   NaN 2 px from the first: [(12, 41)] | segments: 2
#   NaN 3 px from the first: [(12, 41)] | segments: 2
#   NaN 4 px from the first: [(12, 41)] | segments: 2
#   NaN 5 px from the first: [(12, 41), (30, 30)] | segments: 2
#   NaN 6 px from the first: [(12, 41), (30, 30)] | segments: 2
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    photutils==3.0.0 astropy==8.0.2 numpy==2.4.6 scipy==1.17.1
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
from photutils.detection import DAOStarFinder
from photutils.segmentation import detect_sources

warnings.simplefilter("error")
y, x = np.mgrid[:60, :60]
noise = np.random.default_rng(0).normal(0, 1, (60, 60))
clean = noise + sum(100 * np.exp(-((x - a) ** 2 + (y - b) ** 2) / 8) for a, b in ((30, 30), (12, 41)))


def stars(image):
    found = DAOStarFinder(10, 4.7)(image)
    return sorted((round(float(a)), round(float(b))) for a, b in zip(found["x_centroid"], found["y_centroid"]))


print("clean:", stars(clean))
found = {}
for distance in range(1, 7):
    image = clean.copy()
    image[30, 30 + distance] = np.nan
    found[distance] = stars(image)
    print(f"NaN {distance} px from the first:", found[distance], "| segments:", detect_sources(image, 10, 5).n_labels)
assert stars(clean) == [(12, 41), (30, 30)]
assert found[3] == [(12, 41)] and found[6] == [(12, 41), (30, 30)]
PYTHON
