#!/usr/bin/env bash
#
# Package: healpy 1.20.1, numpy 2.4.6.
# Guess: near an unobserved pixel `get_interp_val` returns UNSEEN, or the mean of the pixels that are seen.
# What happens: UNSEEN (-1.6375e30) is averaged like a flux: a position beside the hole gets -9e29, which
# no comparison with UNSEEN finds. Given the masked array that healpy's own `ma` makes, the weights of the
# masked pixels are lost but not renormalised: a sky of 5 everywhere gives 2.26, a plausible number.
# Why it matters: extinction or depth read from a partial map for a catalogue is too small along every
# border of the footprint.
#
# Output seen:
#   map of 5.0 with a hole: -8.965e+29; masked array: 2.2625 (float64)
#   sum of the weights that were seen: 0.4525
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    healpy==1.20.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import healpy as hp
import numpy as np

sky = np.full(hp.nside2npix(8), 5.0)
sky[100] = hp.UNSEEN
theta, phi = hp.pix2ang(8, 100)
beside = (theta + 0.05, phi)
raw = hp.get_interp_val(sky, *beside)
masked = hp.get_interp_val(hp.ma(sky), *beside)
neighbours, weights = hp.get_interp_weights(8, *beside)
seen = np.ma.getmaskarray(hp.ma(sky))[neighbours] == 0
print(f"map of 5.0 with a hole: {raw:.4g}; masked array: {masked:.4f} ({type(masked).__name__})")
print(f"sum of the weights that were seen: {weights[seen].sum():.4f}")
assert hp.UNSEEN < raw < -1e29
assert not np.ma.is_masked(masked) and abs(masked - 5 * weights[seen].sum()) < 1e-9 and masked < 2.5
PYTHON
