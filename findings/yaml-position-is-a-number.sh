#!/usr/bin/env bash
#
# Packages: PyYAML 6.0.4, ruamel.yaml 0.19.1, astropy 8.0.2.
# Guess: `ra: 12:30:45.0` in a YAML file is a text, as everything with two colons, and astropy then reads it or
# complains of it.
# What happens: PyYAML keeps to YAML 1.1, where numbers of base 60 can be written with colons. The right ascension
# is 45045.0 and the declination `+00:01:15.0` is 75.0. Taken as degrees they are a valid position, RA 45, Dec 75,
# far away: the right ascension is wrapped, so that nothing complains. `00:01:15` without a fraction is a text
# (there a whole number may not begin with 0), and so is `1e-3` (there a float needs a point). ruamel.yaml (1.2)
# reads what was meant.
# Why it matters: settings, lists of targets and the headers of pipelines are YAML, and positions are typed into
# them. Which rows are turned into numbers depends on their first digit and on a fraction.
#
# Output seen:
#   PyYAML: {'ra': 45045.0, 'dec': 75.0, 'whole': '00:01:15', 'limit': '1e-3'}
#   ruamel.yaml: {'ra': '12:30:45.0', 'dec': '+00:01:15.0', 'whole': '00:01:15', 'limit': 0.001}
#   PyYAML's position: 45.000000 75.000000, meant: 187.687500 0.020833
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    PyYAML==6.0.4 astropy==8.0.2 ruamel.yaml==0.19.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import io

import yaml
from astropy import units as u
from astropy.coordinates import SkyCoord
from ruamel.yaml import YAML

text = "ra: 12:30:45.0\ndec: +00:01:15.0\nwhole: 00:01:15\nlimit: 1e-3\n"
old, new = yaml.safe_load(text), dict(YAML(typ="safe", pure=True).load(io.StringIO(text)))
print("PyYAML:", old)
print("ruamel.yaml:", new)
found = SkyCoord(old["ra"], old["dec"], unit="deg")
meant = SkyCoord(new["ra"], new["dec"], unit=(u.hourangle, u.deg))
told = ", meant: ".join(f"{place.ra.deg:.6f} {place.dec.deg:.6f}" for place in (found, meant))
print("PyYAML's position:", told)
assert old == {"ra": 45045.0, "dec": 75.0, "whole": "00:01:15", "limit": "1e-3"}
assert new == {"ra": "12:30:45.0", "dec": "+00:01:15.0", "whole": "00:01:15", "limit": 0.001}
assert found.separation(meant).deg > 90
PYTHON
