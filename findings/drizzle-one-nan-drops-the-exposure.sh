#!/usr/bin/env bash
#
# Package: drizzle 3.0.0, numpy 2.4.6.
# Guess: an input pixel whose place in the pixel map is NaN is left out, all others are drizzled; calc_pixmap sets
# NaN itself for what lies outside of a bounding box.
# What happens: so it is for a frame of NaN, and for one NaN in the middle. One NaN two or three pixels from a
# corner drops the whole exposure: the weight of the stack is 0 everywhere. In an image of 20 x 20 that is so for
# 106 of the 400 places, and in 30 more a part is lost. add_image raises nothing and counts the exposure time.
# Why it matters: distortion tables have such holes. The exposure is in the list of inputs and in the exposure
# time of the stack, and its photons are not.
#
# Output seen:
#   no NaN: 441 pixels with weight, exposure time 1.0
#   a frame of NaN: 289 pixels with weight, exposure time 1.0
#   NaN at (10, 10): 437 pixels with weight, exposure time 1.0
#   NaN at (0, 0): 437 pixels with weight, exposure time 1.0
#   NaN at (3, 3): 0 pixels with weight, exposure time 1.0
#   places where one NaN drops all: 106 of 400
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    drizzle==3.0.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from drizzle.resample import Drizzle

y, x = np.indices((20, 20))
true = np.dstack([x + 0.3, y + 0.3]).astype(float)


def drizzled(holes):
    pixmap = true.copy()
    pixmap[holes] = np.nan
    stack = Drizzle(out_shape=(24, 24))
    stack.add_image(np.ones((20, 20), np.float32), exptime=1.0, pixmap=pixmap)
    return int((stack.out_wht > 0).sum()), stack.total_exptime


frame = (x == 0) | (y == 0) | (x == 19) | (y == 19)
seen = {}
for name, holes in (
    ("no NaN", x < 0),
    ("a frame of NaN", frame),
    *((f"NaN at {place}", place) for place in ((10, 10), (0, 0), (3, 3))),
):
    seen[name] = drizzled(holes)
    print(f"{name}: {seen[name][0]} pixels with weight, exposure time {seen[name][1]}")
dropped = sum(drizzled((row, column))[0] == 0 for row in range(20) for column in range(20))
print(f"places where one NaN drops all: {dropped} of 400")
assert seen["NaN at (3, 3)"] == (0, 1.0)
assert all(pixels > 280 for name, (pixels, _) in seen.items() if name != "NaN at (3, 3)")
assert 100 < dropped < 200
PYTHON
