#!/usr/bin/env bash
#
# Package: mocpy 0.21.0, cdshealpix 0.9.0, astropy-healpix 2.0.1, astropy 8.0.2, numpy 2.4.6.
# Guess: a row without a position (NaN) lies outside of every coverage map.
# What happens: it depends on which of the two numbers is missing. Without a longitude mocpy answers False. Without a
# latitude the call for the whole column ends with a PanicException, which is no Exception: `except Exception`
# does not catch it. cdshealpix ends alike. astropy-healpix gives both rows the pixel -1.
# Why it matters: catalogues have rows without a position, in both columns. Code that filters a catalogue by a survey's
# footprint and handles errors row by row, in a worker or a notebook server, ends with the worker.
#
# Output seen:
#   mocpy, no longitude: [False, True]
#   mocpy, no latitude: PanicException, an Exception: False
#   cdshealpix, no latitude: PanicException, an Exception: False
#   astropy-healpix, neither: [-1, -1]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    mocpy==0.21.0 cdshealpix==0.9.0 astropy-healpix==2.0.1 astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - 2>"$work/stderr" <<'PYTHON'
import numpy as np
from astropy import units as u
from astropy.coordinates import Latitude, Longitude
from astropy_healpix import HEALPix
from cdshealpix import lonlat_to_healpix
from mocpy import MOC

footprint = MOC.from_cone(
    lon=Longitude(10 * u.deg), lat=Latitude(0 * u.deg), radius=5 * u.deg, max_depth=8
)
here, missing = np.array([10.0, 10.0]) * u.deg, np.array([np.nan, 10.0]) * u.deg
equator, no_latitude = np.array([0.0, 0.0]) * u.deg, np.array([np.nan, 0.0]) * u.deg

inside = footprint.contains_lonlat(missing, equator).tolist()
print("mocpy, no longitude:", inside)
assert inside == [False, True]
calls = {
    "mocpy": lambda: footprint.contains_lonlat(here, no_latitude),
    "cdshealpix": lambda: lonlat_to_healpix(Longitude(here), Latitude(no_latitude), 5),
}
for name, call in calls.items():
    try:
        call()
        raised: object = None
    except BaseException as error:
        raised = error
    print(f"{name}, no latitude: {type(raised).__name__}, an Exception: {isinstance(raised, Exception)}")
    assert type(raised).__name__ == "PanicException" and not isinstance(raised, Exception)
pixels = HEALPix(nside=32, order="nested").lonlat_to_healpix(
    np.array([np.nan, 10]) * u.deg, np.array([0, np.nan]) * u.deg
)
print("astropy-healpix, neither:", pixels.tolist())
assert pixels.tolist() == [-1, -1]
PYTHON
