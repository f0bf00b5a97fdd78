#!/usr/bin/env bash
#
# Packages: specutils 2.4.0, astropy 8.0.2, scipy 1.17.1, numpy 2.4.6.
# Guess: smoothing a spectrum makes its noise smaller, and the uncertainty with it.
# What happens: it becomes larger. The mean of five pixels with an error of 2 each has 2 / sqrt(5) = 0.89; box_smooth
# says 2 * sqrt(5) = 4.47, gaussian_smooth says 5.33 instead of 0.75. So it is for standard deviations, variances and
# inverse variances alike. The noise of the smoothed flux itself is right. (Issue 1301 of specutils, on errors
# that were wrong in another way, was closed as fixed before this version.)
# Why it matters: smoothing is how a faint line is brought out. Its signal-to-noise, by snr(), falls by the factor by
# which it should have risen: after a box of 5, a wide line of 5 sigma is one of 2.2 and not of 11.
#
# Output seen:
#   box_smooth, StdDevUncertainty: error 2.00 becomes 4.47, scatter 0.89
#   box_smooth, VarianceUncertainty: error 2.00 becomes 4.47, scatter 0.89
#   box_smooth, InverseVariance: error 2.00 becomes 4.47, scatter 0.89
#   gaussian_smooth, StdDevUncertainty: error 2.00 becomes 5.33, scatter 0.75
#   gaussian_smooth, VarianceUncertainty: error 2.00 becomes 5.33, scatter 0.75
#   gaussian_smooth, InverseVariance: error 2.00 becomes 5.33, scatter 0.75
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    specutils==2.4.0 astropy==8.0.2 scipy==1.17.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from astropy import units as u
from astropy.nddata import InverseVariance, StdDevUncertainty, VarianceUncertainty
from specutils import Spectrum
from specutils.manipulation import box_smooth, gaussian_smooth

noise = np.random.default_rng(0).normal(100, 2, 4000) * u.Jy
wavelengths = np.arange(5000.0, 9000.0) * u.AA
kinds = {StdDevUncertainty: 2.0, VarianceUncertainty: 4.0, InverseVariance: 0.25}
for smooth, width in ((box_smooth, 5), (gaussian_smooth, 2)):
    for kind, value in kinds.items():
        spectrum = Spectrum(flux=noise, spectral_axis=wavelengths, uncertainty=kind(np.full(4000, value)))
        result = smooth(spectrum, width)
        stated = result.uncertainty.represent_as(StdDevUncertainty).array[2000]
        scatter = result.flux[50:-50].std().value
        print(f"{smooth.__name__}, {kind.__name__}: error 2.00 becomes {stated:.2f}, scatter {scatter:.2f}")
        assert scatter < 1 and stated > 4
PYTHON
