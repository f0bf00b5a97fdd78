#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, numpy 2.4.6, pandas 3.1.1.
# Guess: around a leap second, `Time.unix` and pandas differ for the length of that second, not more.
# What happens: astropy (ERFA) spreads the extra second over the whole day before: at noon of 31 December
# 2016 `Time.unix` is half a second behind POSIX, at 18:00 three quarters. The same holds for `Time.mjd`,
# and so for every MJD-OBS of that day that an instrument computed as day plus seconds / 86400: read by
# astropy as UTC it names another instant than DATE-OBS in the same header.
# Why it matters: light curves joined over DATE-OBS in pandas and MJD-OBS in astropy are off by up to a
# second on 27 nights since 1972 (30 June 2015 among them), and on no others, so that no test with today's
# date sees it.
#
# Output seen:
#   2016-12-30T00:00:00: POSIX minus Time.unix = 0.00000 s
#   2016-12-30T12:00:00: POSIX minus Time.unix = 0.00000 s
#   2016-12-30T18:00:00: POSIX minus Time.unix = 0.00000 s
#   2016-12-31T00:00:00: POSIX minus Time.unix = 0.00000 s
#   2016-12-31T12:00:00: POSIX minus Time.unix = 0.49999 s
#   2016-12-31T18:00:00: POSIX minus Time.unix = 0.74999 s
#   2017-01-01T00:00:00: POSIX minus Time.unix = 0.00000 s
#   2017-01-01T12:00:00: POSIX minus Time.unix = 0.00000 s
#   2017-01-01T18:00:00: POSIX minus Time.unix = 0.00000 s
#   MJD-OBS 57753.75 minus DATE-OBS 18:00:00 = 0.75000 s
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6 pandas==3.1.1
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import pandas as pd
from astropy.time import Time

behind = {}
for day in ("2016-12-30", "2016-12-31", "2017-01-01"):
    for clock in ("00:00:00", "12:00:00", "18:00:00"):
        stamp = f"{day}T{clock}"
        behind[stamp] = pd.Timestamp(stamp, tz="UTC").timestamp() - float(Time(stamp, scale="utc").unix)
        print(f"{stamp}: POSIX minus Time.unix = {behind[stamp]:.5f} s")
assert round(behind["2016-12-31T12:00:00"], 3) == 0.5
assert round(behind["2016-12-31T18:00:00"], 3) == 0.75
assert all(value == 0 for stamp, value in behind.items() if not stamp.startswith("2016-12-31"))

header = {"DATE-OBS": "2016-12-31T18:00:00", "MJD-OBS": 57753.75}
gap = Time(header["MJD-OBS"], format="mjd", scale="utc") - Time(header["DATE-OBS"], scale="utc")
print(f"MJD-OBS 57753.75 minus DATE-OBS 18:00:00 = {gap.to_value('s'):.5f} s")
assert round(gap.to_value("s"), 3) == 0.75
PYTHON
