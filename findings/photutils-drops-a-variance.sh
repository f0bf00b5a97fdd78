#!/usr/bin/env bash
#
# Packages: photutils 3.0.0, astropy 8.0.2, scipy 1.17.1, numpy 2.4.6.
# Guess: the errors of an NDData are used, or refused, whatever their class: astropy converts a VarianceUncertainty or
# an InverseVariance to a standard deviation with represent_as, and PSFPhotometry of the same library does.
# What happens: aperture_photometry uses a StdDevUncertainty. Of the two other classes it takes the flux alone: the table
# has no error column, ApertureStats.sum_err is NaN, and there is no warning.
# Why it matters: pipelines of JWST and SDSS deliver variances or inverse variances, and CCDData keeps them as what they
# are. One script gives errors for one survey and none for the next; a NaN then falls to the next cut in S/N.
# (Documented as "a StdDevUncertainty instance"; what becomes of the others is not said. photutils pull request 866.)
#
# Output seen:
#   StdDevUncertainty: aperture error 17.72, ApertureStats 17.72, PSF error 12.25
#   VarianceUncertainty: aperture error None, ApertureStats nan, PSF error 12.25
#   InverseVariance: aperture error None, ApertureStats nan, PSF error 12.25
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
from astropy import units as u
from astropy.nddata import InverseVariance, NDData, StdDevUncertainty, VarianceUncertainty
from astropy.table import QTable
from photutils.aperture import ApertureStats, CircularAperture, aperture_photometry
from photutils.psf import CircularGaussianPRF, PSFPhotometry

warnings.simplefilter("error")
row, column = np.mgrid[:31, :31]
image = CircularGaussianPRF(flux=1000, x_0=15, y_0=15, fwhm=4)(column, row)
error = np.full(image.shape, 2.0)
aperture = CircularAperture((15, 15), 5)
start = QTable({"x": [15.0], "y": [15.0], "flux": [900.0] * u.adu})
for uncertainty in (StdDevUncertainty(error), VarianceUncertainty(error**2), InverseVariance(1 / error**2)):
    data = NDData(image, uncertainty=uncertainty, unit="adu")
    table = aperture_photometry(data, aperture)
    assert np.allclose(uncertainty.represent_as(StdDevUncertainty).array, error)
    found = float(table["aperture_sum_err"][0].value) if "aperture_sum_err" in table.colnames else None
    stats = float(ApertureStats(data, aperture).sum_err.value)
    fitted = PSFPhotometry(CircularGaussianPRF(fwhm=4), (7, 7))(data, init_params=start)
    psf = float(fitted["flux_err"].value[0])
    name = type(uncertainty).__name__
    print(f"{name}: aperture error {found and round(found, 2)}, ApertureStats {stats:.2f}, PSF error {psf:.2f}")
    if name == "StdDevUncertainty":
        assert np.isclose(found, 2 * np.sqrt(aperture.area)) and np.isclose(stats, found)
        first = psf
    else:
        assert found is None and np.isnan(stats) and np.isclose(psf, first)
PYTHON
