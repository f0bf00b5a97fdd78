#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, scipy 1.17.1, numpy 2.4.6.
# Guess: LombScargle leaves out masked measurements. from_timeseries does leave out NaN, and masked columns are what a
# TimeSeries has for missing values (astropy's guide on masking).
# What happens: the mask is dropped, whether y is a numpy masked array, a MaskedColumn or a Masked quantity in a
# TimeSeries. The values under the mask count in full. With every seventh measurement masked as bad the period of
# 7 days is lost; left out by hand, it is found with a power of 0.98.
# Why it matters: what lies under a mask is mostly what was to be kept out: saturated, cloudy, or the fill value
# 1e20 of another format. The periodogram has a peak somewhere else and no warning.
#
# Output seen:
#   left out: period 7.00 d, power 0.98
#   masked array: period 36.17 d, power 0.04
#   TimeSeries with MaskedColumn: period 36.17 d, power 0.04
#   TimeSeries with Masked quantity: period 36.17 d, power 0.04
#   TimeSeries with NaN: period 7.00 d, power 0.98
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 scipy==1.17.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from astropy import units as u
from astropy.table import MaskedColumn
from astropy.time import Time
from astropy.timeseries import LombScargle, TimeSeries
from astropy.utils.masked import Masked

rng = np.random.default_rng(0)
days = np.sort(rng.uniform(0, 100, 300))
flux = np.sin(2 * np.pi * days / 7) + rng.normal(0, 0.1, 300)
bad = np.arange(300) % 7 == 0
flux[bad] = 1000 * rng.normal(size=bad.sum())
frequencies = np.linspace(0.01, 0.5, 2000)


def of_series(column):
    series = TimeSeries(time=Time(60000 + days, format="mjd"))
    series["flux"] = column
    return LombScargle.from_timeseries(series, "flux").power(frequencies / u.day)


seen = {
    "left out": LombScargle(days[~bad], flux[~bad]).power(frequencies),
    "masked array": LombScargle(days, np.ma.array(flux, mask=bad)).power(frequencies),
    "TimeSeries with MaskedColumn": of_series(MaskedColumn(flux, mask=bad)),
    "TimeSeries with Masked quantity": of_series(Masked(flux * u.mJy, mask=bad)),
    "TimeSeries with NaN": of_series(np.where(bad, np.nan, flux) * u.mJy),
}
for name, power in seen.items():
    power = np.asarray(power)
    period = 1 / frequencies[power.argmax()]
    print(f"{name}: period {period:.2f} d, power {power.max():.2f}")
    right = name in ("left out", "TimeSeries with NaN")
    assert (abs(period - 7) < 0.05 and power.max() > 0.9) if right else power.max() < 0.1
PYTHON
