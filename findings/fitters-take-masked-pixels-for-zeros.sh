#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, scipy 1.17.1, numpy 2.4.6.
# Guess: a fitter of astropy.modeling leaves out the masked pixels of a masked array, as LinearLSQFitter does since
# 2018, or uses what lies under the mask.
# What happens: neither. The residual "model minus data" of a masked pixel is the model itself, because numpy.ma leaves
# the first operand where either is masked; and the optimizer sees the bare array. The pixel is fitted as
# though a zero had been measured there. All four fitters give, to the digit, the fit to an image with zeros.
# Why it matters: the saturated core of a star is masked so that it should not count. The amplitude that
# comes out is a third of the truth, the width is half as large again, and the fit converges. That masks are not
# supported is astropy's issue 4824, open since 2016; that they read as zeros is not said there.
#
# Output seen (amplitude, standard deviation; the truth is 100, 3):
#   LMLSQFitter: masked array 32.4 4.52, zeros instead 32.4 4.52, pixels left out 100.0 3.00
#   TRFLSQFitter: masked array 32.4 4.52, zeros instead 32.4 4.52, pixels left out 100.0 3.00
#   DogBoxLSQFitter: masked array 32.4 4.52, zeros instead 32.4 4.52, pixels left out 100.0 3.00
#   LevMarLSQFitter: masked array 32.4 4.52, zeros instead 32.4 4.52, pixels left out 100.0 3.00
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 scipy==1.17.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
from astropy.modeling import fitting, models

warnings.simplefilter("ignore")
rows, columns = np.mgrid[:31, :31]
image = models.Gaussian2D(100, 15, 15, 3, 3)(columns, rows)
image += np.random.default_rng(0).normal(0, 0.1, image.shape)
core = np.zeros(image.shape, bool)
core[13:18, 13:18] = True
masked = np.ma.array(np.where(core, 65535, image), mask=core)
start = models.Gaussian2D(50, 14, 14, 2, 2)
good = ~core
for name in ("LMLSQFitter", "TRFLSQFitter", "DogBoxLSQFitter", "LevMarLSQFitter"):
    fit = getattr(fitting, name)
    found = np.array([
        (model.amplitude.value, abs(model.x_stddev.value))
        for model in (
            fit()(start, columns, rows, masked),
            fit()(start, columns, rows, masked.filled(0)),
            fit()(start, columns[good], rows[good], image[good]),
        )
    ])
    told = [f"{amplitude:.1f} {width:.2f}" for amplitude, width in found]
    print(f"{name}: masked array {told[0]}, zeros instead {told[1]}, pixels left out {told[2]}")
    assert np.allclose(found[0], found[1], rtol=1e-3)
    assert found[0, 0] < 50 and np.allclose(found[2], (100, 3), rtol=0.01)
PYTHON
