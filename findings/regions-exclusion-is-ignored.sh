#!/usr/bin/env bash
#
# Package: regions 0.12, numpy 2.4.6, astropy 8.0.2.
# Guess: a DS9 region with a minus sign (excluded) parsed by `regions` contains the points *outside* of it,
# or its mask is inverted.
# What happens: the sign is kept in `meta["include"]` and written out again, but contains(), to_mask() and
# so every photometry that uses them treat the region as an ordinary one.
# Why it matters: "-circle" over a bright star or a chip defect is how DS9 users cut something out. Summed
# over the list, the star that was to be left out is counted twice.
#
# Output seen:
#   include: 1 0
#   excluded circle contains its centre: True | a point outside: False
#   sum of both masks at the star: 2.0
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    regions==0.12 numpy==2.4.6 astropy==8.0.2
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
from regions import PixCoord, Regions

field, star = Regions.parse("image\ncircle(50,50,20)\n-circle(50,50,5)", format="ds9")
at_star, elsewhere = PixCoord(49, 49), PixCoord(30, 49)
total = field.to_mask().to_image((100, 100)) + star.to_mask().to_image((100, 100))
print("include:", field.meta.get("include"), star.meta.get("include"))
print("excluded circle contains its centre:", bool(star.contains(at_star)), "| a point outside:",
      bool(star.contains(elsewhere)))
print("sum of both masks at the star:", total[49, 49])
assert not star.meta["include"]
assert star.contains(at_star) and not star.contains(elsewhere)
assert total[49, 49] == 2
PYTHON
