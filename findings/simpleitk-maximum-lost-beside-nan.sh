#!/usr/bin/env bash
#
# Package: SimpleITK 2.5.7, numpy 2.4.6.
# Guess: MinimumMaximumImageFilter passes over a NaN, or returns NaN.
# What happens: pixels are taken in pairs. A NaN that is the second of a pair makes the filter forget the maximum of all
# pixels before it, the first of a pair the minimum. The star is lost to a NaN two pixels to its
# right and not to one on its left; a NaN as the last pixel is the maximum itself. StatisticsImageFilter and
# RescaleIntensity find the star each time. (With one thread. With more, what is lost changes from run to run.)
# Why it matters: saturated stars and frames of cutouts have NaN. Whether the display range of a cutout, or a cut on its
# peak, knows of its star depends on whether the column of a later NaN is odd or even.
#
# Output seen:
#   no NaN: maximum 60000.0, statistics 60000.0, rescaled to 0.0 ... 255.0
#   NaN two to the left of the star: maximum 60000.0, statistics 60000.0, rescaled to 0.0 ... 255.0
#   NaN two to the right of the star: maximum 115.3, statistics 60000.0, rescaled to 0.0 ... 255.0
#   NaN in the last pixel: maximum nan, statistics 60000.0, rescaled to 0.0 ... 255.0
#   NaN in the last but one: maximum 60000.0, statistics 60000.0, rescaled to 0.0 ... 255.0
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    SimpleITK==2.5.7 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import SimpleITK

sky = np.random.default_rng(0).normal(100, 5, (32, 32)).astype(np.float32)
sky[16, 17] = 60000


def look(name, place):
    image = sky.copy()
    if place:
        image[place] = np.nan
    picture = SimpleITK.GetImageFromArray(image)
    extremes, statistics = SimpleITK.MinimumMaximumImageFilter(), SimpleITK.StatisticsImageFilter()
    extremes.SetNumberOfThreads(1)
    extremes.Execute(picture)
    statistics.Execute(picture)
    shown = SimpleITK.GetArrayFromImage(SimpleITK.RescaleIntensity(picture, 0, 255))
    print(
        f"{name}: maximum {extremes.GetMaximum():.1f}, statistics {statistics.GetMaximum():.1f},"
        f" rescaled to {np.nanmin(shown):.1f} ... {np.nanmax(shown):.1f}"
    )
    assert statistics.GetMaximum() == 60000
    return extremes.GetMaximum(), extremes.GetMinimum(), np.nanmax(shown)


maximum, _, brightest = look("no NaN", None)
assert maximum == 60000 and brightest == 255
maximum, _, brightest = look("NaN two to the left of the star", (16, 15))
assert maximum == 60000 and brightest == 255
maximum, _, brightest = look("NaN two to the right of the star", (16, 19))
assert maximum < 60000 and brightest == 255
maximum, _, _ = look("NaN in the last pixel", (31, 31))
assert np.isnan(maximum)
_, minimum, _ = look("NaN in the last but one", (31, 30))
assert np.isnan(minimum)
PYTHON
