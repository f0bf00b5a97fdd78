#!/usr/bin/env bash
#
# Package: astropy 8.0.2, numpy 2.4.6, scipy 1.17.1.
# Guess: table.join with join_skycoord(1 arcsec) gives the pairs that search_around_sky gives: those within one
# arcsec, as its documentation says of the distance.
# What happens: the pairs are turned into identifiers of groups, and all of a group is joined with all of it. In a
# chain of sources, each within the distance of the next, the first is paired with the last, however far away it
# is. Of ten sources 0.9 arcsec apart, taken by turns from two catalogues, there are 25 pairs; 9 are within the
# arcsec, and the widest is 8.1 arcsec. join_distance does the same with numbers. One identifier stands for the
# group, as though it were one source.
# Why it matters: crowded fields and shredded galaxies are such chains. The joined table has no separation in it,
# so that the wrong rows look like the right ones, and they grow with the square of the chain.
#
# Output seen:
#   search_around_sky: 9 pairs, widest 0.9 arcsec
#   join_skycoord: 25 pairs, widest 8.1 arcsec, 16 beyond the distance, groups 1
#   join_distance: 25 pairs, widest 8.1, 16 beyond the distance
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6 scipy==1.17.1
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord, search_around_sky
from astropy.table import QTable, join, join_distance, join_skycoord

places = np.arange(10) * 0.9
sky = SkyCoord(places * u.arcsec, np.zeros(10) * u.arcsec)
found = search_around_sky(sky[::2], sky[1::2], 1 * u.arcsec)[2].arcsec
print(f"search_around_sky: {len(found)} pairs, widest {found.max():.1f} arcsec")

left, right = QTable({"at": sky[::2]}), QTable({"at": sky[1::2]})
joined = join(left, right, keys="at", join_funcs={"at": join_skycoord(1 * u.arcsec)})
apart = joined["at_1"].separation(joined["at_2"]).arcsec
beyond, groups = int((apart > 1.001).sum()), len(set(joined["at_id"].tolist()))
print(f"join_skycoord: {len(joined)} pairs, widest {apart.max():.1f} arcsec, {beyond} beyond the distance, groups {groups}")

left, right = QTable({"at": places[::2]}), QTable({"at": places[1::2]})
plain = join(left, right, keys="at", join_funcs={"at": join_distance(1)})
steps = np.abs(plain["at_1"] - plain["at_2"])
print(f"join_distance: {len(plain)} pairs, widest {steps.max():.1f}, {int((steps > 1.001).sum())} beyond the distance")

assert len(found) == 9 and found.max() < 1
assert len(joined) == 25 and np.isclose(apart.max(), 8.1) and beyond == 16 and groups == 1
assert len(plain) == 25 and np.isclose(steps.max(), 8.1)
PYTHON
