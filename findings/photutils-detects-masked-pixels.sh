#!/usr/bin/env bash
#
# Packages: photutils 3.0.0, astropy 8.0.2, scipy 1.17.1, numpy 2.4.6.
# Guess: a masked array is an image with its mask: photutils' apertures, centroids and backgrounds of it are the same
# as with mask=…. So is its segmentation, and so is the Gini coefficient.
# What happens: detect_sources takes masked pixels for sources: with one galaxy and twenty masked hot pixels it finds 21
# sources, with mask=… one. gini counts the masked pixels in full (0.99 for 0.96). The apertures, centroid_com and
# Background2D of the same masked array leave the pixels out. No warning.
# Why it matters: the background is taken from the masked array, subtracted (which keeps the mask), and the result is
# handed to detect_sources. What was masked comes back as a catalogue of sources.
# (The documentation says "2D ndarray", which a masked array is; for find_peaks, which had the same, issue 1071 was
# closed with that wording.)
#
# Output seen:
#   same image, mask=…: aperture 5655, centroid 25.00, background 10.00, sources 1, Gini 0.96
#   masked array: aperture 5655, centroid 25.00, background 10.00, sources 21, Gini 0.99
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    photutils==3.0.0 astropy==8.0.2 scipy==1.17.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
from photutils.aperture import CircularAperture, aperture_photometry
from photutils.background import Background2D
from photutils.centroids import centroid_com
from photutils.morphology import gini
from photutils.segmentation import detect_sources

warnings.simplefilter("error")
row, column = np.mgrid[:51, :51]
sky = np.full((51, 51), 10.0)
galaxy = 100 * np.exp(-((column - 25.0) ** 2 + (row - 25.0) ** 2) / 18)
bad = np.zeros(galaxy.shape, bool)
bad[5, 4:44:2] = True
image = np.where(bad, 10_000, galaxy)
masked = np.ma.array(image, mask=bad)
aperture = CircularAperture((25, 25), 24)


def measured(image, **mask):
    return (
        float(aperture_photometry(image, aperture, **mask)["aperture_sum"][0]),
        float(centroid_com(image, **mask)[0]),
        float(Background2D(image + sky, (51, 51), exclude_percentile=90, **mask).background_median),
        detect_sources(image, 5, n_pixels=1, **mask).n_labels,
        float(gini(image, **mask)),
    )


seen = {"same image, mask=…": measured(image, mask=bad), "masked array": measured(masked)}
for name, (flux, centre, background, sources, inequality) in seen.items():
    print(
        f"{name}: aperture {flux:.0f}, centroid {centre:.2f}, background {background:.2f},"
        f" sources {sources}, Gini {inequality:.2f}"
    )
right, wrong = seen.values()
assert np.allclose(right[:3], wrong[:3]) and right[3] == 1 and wrong[3] == 21
assert np.isclose(wrong[4], gini(image)) and right[4] < 0.97 < wrong[4]
PYTHON
