#!/usr/bin/env bash
#
# Packages: ccdproc 2.5.1, astropy 8.0.2, numpy 2.4.6.
# Guess: Combiner.average_combine with weights is the weighted mean of the good pixels: the weight of a masked pixel
# counts neither above nor below the line.
# What happens: the value of the masked pixel is left out of the sum, its weight stays in the sum of weights. Of three
# frames of one and the same sky of 100, the deepest masked at one pixel, that pixel of the stack is 16.7. Without
# weights it is 100.
# Why it matters: weights by exposure time are what stacks are made with, and cosmic rays are masked in the
# long frames. Each leaves a dark hole in the stack, which looks like dust or like a dead pixel, and a source that is
# hit loses most of its flux.
#
# Output seen:
#   no weights: good pixel 100.0, pixel masked in the third frame 100.0
#   weights 1, 1, 10: good pixel 100.0, pixel masked in the third frame 16.7
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    ccdproc==2.5.1 astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from astropy.nddata import CCDData
from ccdproc import Combiner

frames = [CCDData(np.full((3, 3), 100.0), unit="adu", mask=np.zeros((3, 3), bool)) for _ in range(3)]
frames[2].mask[1, 1] = True
combiner = Combiner(frames)


def stack(told):
    average = combiner.average_combine()
    print(f"{told}: good pixel {average.data[0, 0]:.1f}, pixel masked in the third frame {average.data[1, 1]:.1f}")
    assert average.mask is None or not average.mask.any()
    return average.data[0, 0], average.data[1, 1]


assert np.allclose(stack("no weights"), (100, 100))
combiner.weights = np.array([1.0, 1.0, 10.0])
assert np.allclose(stack("weights 1, 1, 10"), (100, 200 / 12))
PYTHON
