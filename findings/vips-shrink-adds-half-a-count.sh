#!/usr/bin/env bash
#
# Package: pyvips 3.2.0 (libvips 8.18.7), numpy 2.4.6.
# Guess: an integer image made smaller keeps its mean.
# What happens: shrink() and a resize() by 1/4 average first the columns and then the rows, and round halves up both
# times. By 2, each time adds a quarter of a count: the mean of a frame of counts rises by 0.5, for one of
# 1 count per pixel by half of it. By 8 it is 0.01 to 0.13. reduce() and a resize by 1/2 add nothing, and a float
# image keeps its mean.
# Why it matters: photon counts and faint skies are small integers. Previews and pyramids are then brighter
# than the image, by an amount that depends on the zoom. Cast to float before.
#
# Output seen:
#   mean 1.00: shrink 2 +0.49, shrink 8 +0.01, reduce 2 +0.00, resize 1/2 +0.00, resize 1/4 +0.47, float, shrink 2 +0.00
#   mean 3.00: shrink 2 +0.50, shrink 8 +0.05, reduce 2 -0.01, resize 1/2 -0.01, resize 1/4 +0.50, float, shrink 2 +0.00
#   mean 19.97: shrink 2 +0.50, shrink 8 +0.13, reduce 2 +0.00, resize 1/2 +0.00, resize 1/4 +0.49, float, shrink 2 +0.00
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    pyvips==3.2.0 pyvips-binary==8.18.7 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import pyvips

means = {}
for level in (1, 3, 20):
    counts = np.random.default_rng(0).poisson(level, (256, 256)).astype(np.uint16)
    image = pyvips.Image.new_from_array(counts)
    results = {
        "shrink 2": image.shrink(2, 2),
        "shrink 8": image.shrink(8, 8),
        "reduce 2": image.reduce(2, 2),
        "resize 1/2": image.resize(1 / 2),
        "resize 1/4": image.resize(1 / 4),
        "float, shrink 2": image.cast("float").shrink(2, 2),
    }
    added = {name: float(result.numpy().mean() - counts.mean()) for name, result in results.items()}
    print(f"mean {counts.mean():.2f}:", ", ".join(f"{name} {more:+.2f}" for name, more in added.items()))
    assert 0.4 < added["shrink 2"] < 0.6 and 0.4 < added["resize 1/4"] < 0.6
    assert all(abs(added[name]) < 0.1 for name in ("reduce 2", "resize 1/2", "float, shrink 2"))
PYTHON
