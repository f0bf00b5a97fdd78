#!/usr/bin/env bash
#
# Packages: pandas 3.1.1, Bottleneck 1.6.0, numpy 2.4.6.
# Guess: Bottleneck, the optional package that pandas names for its performance, makes it faster and gives the
# same numbers.
# What happens: pandas hands std and var to it when it is installed, and Bottleneck adds float32 up in float32,
# one by one. The four million pixels of a sky of 1000 with noise 5 have a standard deviation of 20.5 instead of
# 5.0. pandas itself says 5.0 with the option off. Its mean is right, since pandas sums by itself;
# bottleneck.nanmean says 1019.9.
# Why it matters: images are float32 and their backgrounds lie far from 0. The noise decides about thresholds, and
# here it depends on whether some other package brought Bottleneck along.
#
# Output seen:
#   numpy, float64:               mean 1000.0, std 5.00
#   pandas, Bottleneck installed: mean 1000.0, std 20.51
#   pandas, option off:           mean 1000.0, std 5.00
#   bottleneck itself:            mean 1019.9, std 20.51
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    pandas==3.1.1 bottleneck==1.6.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import bottleneck
import numpy as np
import pandas as pd

sky = np.random.default_rng(0).normal(1000, 5, 4_000_000).astype(np.float32)
column = pd.Series(sky)
found = {"numpy, float64:": (sky.mean(dtype=float), sky.std(dtype=float))}
found["pandas, Bottleneck installed:"] = column.mean(), column.std()
with pd.option_context("compute.use_bottleneck", False):
    found["pandas, option off:"] = column.mean(), column.std()
found["bottleneck itself:"] = bottleneck.nanmean(sky), bottleneck.nanstd(sky)
for name, (mean, std) in found.items():
    print(f"{name:29} mean {mean:.1f}, std {std:.2f}")
true, installed, off, alone = found.values()
assert np.allclose(true, (1000, 5), atol=0.01) and np.allclose(off, (1000, 5), atol=0.01)
assert abs(installed[0] - 1000) < 0.01 and installed[1] > 15
assert alone[0] > 1010 and alone[1] > 15
PYTHON
