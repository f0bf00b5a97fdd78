#!/usr/bin/env bash
#
# Package: astropy 8.0.2, numpy 2.4.6.
# Guess: the text of a SkyCoord, as one pastes it into a query, names the same position to better than a pixel.
# What happens: `to_string()`, and `to_string("decimal")`, give six significant digits. A right ascension of
# 100 degrees or more keeps three decimals: steps of 3.6 arcsec. The declination keeps four or five. The same
# goes for `Angle.to_string(decimal=True)`, while "hmsdms" and "dms" keep all. `precision=7` helps.
# Why it matters: URLs of cutout services and rows of a text file are built with it. Two thirds of the sky are
# off by up to 1.8 arcsec, several pixels of HST or Euclid, and objects at small right ascensions, on which
# one tends to test, are right.
#
# Output seen:
#   2.8024291 54.3487532: "2.80243 54.3488" is 0.17 arcsec off
#   210.8024291 54.3487532: "210.802 54.3488" is 0.92 arcsec off
#   350.1234999 -0.0000123: "350.123 -1.23e-05" is 1.80 arcsec off
#   a right ascension by itself: 210.802
#   with hmsdms: 0.00 arcsec off, with precision=7: 0.00 arcsec off
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
from astropy import units as u
from astropy.coordinates import SkyCoord


def off(position, text):
    return SkyCoord(text, unit="deg").separation(position).arcsec


positions = {
    "2.8024291 54.3487532": SkyCoord(2.8024291 * u.deg, 54.3487532 * u.deg),
    "210.8024291 54.3487532": SkyCoord(210.8024291 * u.deg, 54.3487532 * u.deg),
    "350.1234999 -0.0000123": SkyCoord(350.1234999 * u.deg, -0.0000123 * u.deg),
}
for given, position in positions.items():
    text = position.to_string()
    print(f'{given}: "{text}" is {off(position, text):.2f} arcsec off')
    assert text == position.to_string("decimal")
assert off(position, text) > 1.7
position = positions["210.8024291 54.3487532"]
print("a right ascension by itself:", position.ra.to_string(decimal=True))
assert position.ra.to_string(decimal=True) == "210.802"
sexagesimal = SkyCoord(position.to_string("hmsdms")).separation(position).arcsec
seven = off(position, position.to_string(precision=7))
print(f"with hmsdms: {sexagesimal:.2f} arcsec off, with precision=7: {seven:.2f} arcsec off")
assert max(sexagesimal, seven) < 0.001
PYTHON
