#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, pandas 3.1.1, numpy 2.4.6.
# Guess: astropy's Time makes the same instant of a pandas Timestamp as of the column it was taken from.
# What happens: the column keeps its nanoseconds. A single Timestamp is a datetime to astropy and is cut to
# microseconds.
# Why it matters: the time of one event looked up by itself differs from the same row in the array, by up
# to a microsecond: enough to make `==` false, and to miss in a table of pulsar or gamma-ray arrival times.
#
# Output seen:
#   nanoseconds after midnight, one Timestamp: 123456000 | from the column: 123456789 | equal: False
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 pandas==3.1.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import pandas as pd
from astropy.time import Time

column = pd.Series(pd.to_datetime(["2026-11-29T00:00:00.123456789"]))
midnight = Time("2026-11-29")
alone, together = Time(column[0]), Time(column)[0]
ns = [round((time - midnight).to_value("ns")) for time in (alone, together)]
print("nanoseconds after midnight, one Timestamp:", ns[0], "| from the column:", ns[1], "| equal:", bool(alone == together))
assert ns == [123456000, 123456789]
assert alone != together
PYTHON
