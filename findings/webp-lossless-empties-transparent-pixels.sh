#!/usr/bin/env bash
#
# Package: pillow 13.0.0, numpy 2.4.6.
# Guess: WebP with lossless=True returns every pixel as it was, PNG does.
# What happens: where alpha is 0, the three colours are thrown away and replaced, also without loss; the same pixels
# with alpha 1 of 255 come back exactly. exact=True keeps them. (Documented under `exact`, not under `lossless`.)
# Why it matters: the fourth channel of a cutout is often a fourth band, or a mask. Where that band measured nothing or
# the mask says "bad", the three others come back as 0, and a flux from them is that of the sky at best.
#
# Output seen:
#   PNG: changed where alpha is 0, 1, 255: 0%, 0%, 0%
#   WebP, lossless: changed where alpha is 0, 1, 255: 100%, 0%, 0%
#   WebP, lossless, exact: changed where alpha is 0, 1, 255: 0%, 0%, 0%
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    pillow==13.0.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import io

import numpy as np
from PIL import Image

bands = np.random.default_rng(0).integers(1, 256, (64, 64, 4)).astype(np.uint8)
bands[..., 3] = 255
bands[16:32, :, 3] = 0
bands[32:48, :, 3] = 1


def lost(name, kind, **options):
    file = io.BytesIO()
    Image.fromarray(bands).save(file, kind, **options)
    changed = (np.asarray(Image.open(file)) != bands).any(axis=-1)
    shares = [float(changed[rows].mean()) for rows in (slice(16, 32), slice(32, 48), slice(48, 64))]
    print(f"{name}: changed where alpha is 0, 1, 255: " + ", ".join(f"{share:.0%}" for share in shares))
    return shares


assert lost("PNG", "PNG") == [0, 0, 0]
assert lost("WebP, lossless", "WEBP", lossless=True) == [1, 0, 0]
assert lost("WebP, lossless, exact", "WEBP", lossless=True, exact=True) == [0, 0, 0]
PYTHON
