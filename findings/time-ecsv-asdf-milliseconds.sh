#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, asdf-astropy 0.11.0, asdf 6.0.0, numpy 2.4.6, pyarrow 26.0.1, pandas 3.1.1.
# Guess: a Time column survives ECSV and ASDF, which keep an exact repr of every float, as it does Parquet.
# What happens: ECSV and ASDF store the *text* of the time in its display precision: three digits of a
# second for the ISO formats. Parquet keeps both halves of the Julian date, to the last bit.
# `time.precision = 9` before writing helps, and few know it.
# Why it matters: pulsar arrival times, occultations and fast photometry lose up to half a millisecond by a
# round trip through the two formats that are praised for losing nothing. Nothing warns.
#
# Output seen:
#   t.ecsv   : 456.789 microseconds lost
#   t.parquet: 0.000 microseconds lost
#   t.asdf   : 456.789 microseconds lost
#   nine.ecsv: 0.000 microseconds lost
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 asdf-astropy==0.11.0 asdf==6.0.0 numpy==2.4.6 pyarrow==26.0.1 pandas==3.1.1
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import asdf
from astropy.table import Table
from astropy.time import Time

time = Time(["2026-11-29T01:02:03.123456789"], scale="tdb")
table = Table({"time": time})
lost = {}
for name in ("t.ecsv", "t.parquet"):
    table.write(name)
    lost[name] = (time - Table.read(name)["time"])[0].to_value("us")
asdf.AsdfFile({"time": time}).write_to("t.asdf")
with asdf.open("t.asdf") as tree:
    lost["t.asdf"] = (time - tree["time"])[0].to_value("us")
time.precision = 9
Table({"time": time}).write("nine.ecsv")
lost["nine.ecsv"] = (time - Table.read("nine.ecsv")["time"])[0].to_value("us")
for name, value in lost.items():
    print(f"{name:9}: {value:.3f} microseconds lost")
assert round(lost["t.ecsv"], 3) == round(lost["t.asdf"], 3) == 456.789
assert lost["t.parquet"] == 0 and abs(lost["nine.ecsv"]) < 1e-3
PYTHON
