#!/usr/bin/env bash
#
# Packages: mocpy 0.21.0, regions 0.12, astropy 8.0.2, numpy 2.4.6.
# Guess: MOC.from_astropy_regions covers the sky region that it is given, in whatever frame the region is.
# What happens: the centre of an ellipse or a rectangle is converted to ICRS, its angle is not. A region in
# galactic coordinates is drawn in the right place and with the right area, but turned by the angle between
# galactic and celestial north, here 69 degrees. Circles and polygons are right, and so is everything in ICRS.
# Why it matters: exclusion zones and survey fields along the Milky Way are drawn in galactic coordinates.
# Sources at the end of the real region are outside of the map, and others are inside, with the right sum.
#
# Output seen:
#   EllipseSkyRegion, icrs: long axis at 120 deg from north, area 3.24
#   RectangleSkyRegion, icrs: long axis at 120 deg from north, area 4.09
#   EllipseSkyRegion, galactic: long axis at 51 deg from north, area 3.26
#   RectangleSkyRegion, galactic: long axis at 51 deg from north, area 4.08
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    mocpy==0.21.0 regions==0.12 astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from mocpy import MOC
from regions import EllipseSkyRegion, RectangleSkyRegion

angles = np.arange(0, 180, 2) * u.deg
filled = {EllipseSkyRegion: np.pi / 4, RectangleSkyRegion: 1.0}
for frame in ("icrs", "galactic"):
    centre = SkyCoord(150 * u.deg, 20 * u.deg, frame=frame)
    # The angle of a region goes from the axis of longitude, that of an offset from north, both to the east.
    for kind in filled:
        region = kind(centre, width=4 * u.deg, height=1 * u.deg, angle=30 * u.deg)
        coverage = MOC.from_astropy_regions(region, max_depth=12)
        around = centre.directional_offset_by(angles, 1.6 * u.deg)
        inside = angles[coverage.contains_skycoords(around)].to_value("deg")
        area = coverage.sky_fraction * 41252.96
        long_axis = inside.mean()
        print(f"{kind.__name__}, {frame}: long axis at {long_axis:.0f} deg from north, area {area:.2f}")
        assert abs(area - region.width.value * region.height.value * filled[kind]) < 0.15
        assert abs(long_axis - (120 if frame == "icrs" else 51)) < 3
PYTHON
