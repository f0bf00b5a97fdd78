#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, numpy 2.4.6.
# Guess: CCDData.convert_unit_to converts data and uncertainty together: 100 +- 3 Jy are 100000 +- 3000 mJy, however
# the uncertainty is kept.
# What happens: the array of the uncertainty is multiplied by the factor of the data, 1000, but labelled with
# the square of the unit. Right for a standard deviation; a variance should grow by a million. The same
# 3 Jy come out as 95 mJy from a VarianceUncertainty and as 0.095 mJy from an InverseVariance. Multiplication by
# a scalar with a unit does it right.
# Why it matters: surveys store variance or weight maps (inverse variance). After a change of units every
# signal-to-noise is wrong by a factor of 30, or of 30,000, and no shape, type or unit gives it away.
#
# Output seen:
#   StdDevUncertainty: 3000.0 mJy by convert_unit_to, 3000.0 mJy by multiply
#   VarianceUncertainty: 94.868 mJy by convert_unit_to, 3000.0 mJy by multiply
#   InverseVariance: 0.094868 mJy by convert_unit_to, 3000.0 mJy by multiply
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from astropy import units as u
from astropy.nddata import CCDData, InverseVariance, StdDevUncertainty, VarianceUncertainty

seen = {}
for kind, value in ((StdDevUncertainty, 3.0), (VarianceUncertainty, 9.0), (InverseVariance, 1 / 9)):
    image = CCDData(np.full((2, 2), 100.0), unit="Jy", uncertainty=kind(np.full((2, 2), value)))
    scaled = image.multiply(1000 * u.mJy / u.Jy)
    deviations = []
    for other in (image.convert_unit_to("mJy"), scaled):
        assert np.allclose(other.data, 100_000) and other.unit == u.mJy
        deviation = other.uncertainty.represent_as(StdDevUncertainty)
        deviations.append(float((deviation.array * deviation.unit).to_value("mJy")[0, 0]))
    seen[kind] = np.array(deviations)
    print(f"{kind.__name__}: {deviations[0]:.5} mJy by convert_unit_to, {deviations[1]:.5} mJy by multiply")
assert np.allclose(seen[StdDevUncertainty], 3000)
assert np.allclose(seen[VarianceUncertainty], [3000 / np.sqrt(1000), 3000])
assert np.allclose(seen[InverseVariance], [3000 / np.sqrt(1e9), 3000])
PYTHON
