#!/usr/bin/env bash
#
# Package: statmorph 0.7.2, photutils 3.0.0, astropy 8.0.2, numpy 2.4.6.
# Guess: a galaxy and its mirror image have the same morphology.
# What happens: Gini, M20, concentration and the Sersic fit agree to the last digit printed. Asymmetry and
# smoothness, which take off the value of a patch of sky, do not: the patch is the first that fits, seen from
# one corner, and the mirror image has another patch there. Smoothness differs by more than 40 % with the
# same pixels, and no flag is set.
# Why it matters: the scatter that a mirror adds is an error bar which the catalogue does not have. Surveys
# whose images are stored upside down, or transposed, give other CAS values for the same galaxies, and flips
# as augmentation change the target that is regressed.
#
# Output seen:
#   as is: flag 0, gini 0.4859, m20 -1.7618, concentration 2.7539, sersic_n 1.0229, asymmetry 0.0383,
#     smoothness 0.0231
#   upside down: flag 0, gini 0.4859, m20 -1.7618, concentration 2.7539, sersic_n 1.0229, asymmetry
#     0.0373, smoothness 0.0343
#   left to right: flag 0, gini 0.4859, m20 -1.7618, concentration 2.7539, sersic_n 1.0229, asymmetry
#     0.0312, smoothness 0.0309
#   largest smoothness over smallest: 1.48
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    statmorph==0.7.2 photutils==3.0.0 astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
import statmorph

warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
rows, columns = np.mgrid[:120, :120] - 60.0
along, across = columns * np.cos(0.5) + rows * np.sin(0.5), rows * np.cos(0.5) - columns * np.sin(0.5)
galaxy = 250 * np.exp(-np.hypot(along, across / 0.6) / 6)
clump = 30 * np.exp(-((columns - 10) ** 2 + (rows + 5) ** 2) / 8)
image = galaxy + clump + rng.normal(0, 1, (120, 120))
segments = (np.hypot(rows, columns) < 35).astype(int)
weights = np.ones(image.shape)

found = {}
for name, flip in (("as is", np.asarray), ("upside down", np.flipud), ("left to right", np.fliplr)):
    measured = statmorph.source_morphology(
        np.ascontiguousarray(flip(image)), np.ascontiguousarray(flip(segments)), weightmap=weights
    )[0]
    keys = ("gini", "m20", "concentration", "sersic_n", "asymmetry", "smoothness")
    found[name] = np.array([getattr(measured, key) for key in keys])
    values = ", ".join(f"{key} {value:.4f}" for key, value in zip(keys, found[name], strict=True))
    print(f"{name}: flag {measured.flag}, {values}")
    assert measured.flag == 0
for name in ("upside down", "left to right"):
    assert np.allclose(found[name][:4], found["as is"][:4], rtol=1e-3)
smoothness = [values[5] for values in found.values()]
print(f"largest smoothness over smallest: {max(smoothness) / min(smoothness):.2f}")
assert max(smoothness) / min(smoothness) > 1.2
PYTHON
