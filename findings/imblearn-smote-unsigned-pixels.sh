#!/usr/bin/env bash
#
# Package: imbalanced-learn 0.14.2, scikit-learn 1.9.1, numpy 2.4.6.
# Guess: a synthetic row of SMOTE lies on the line between its two parents, whatever the type of the pixels.
# What happens: the difference of the parents is taken in the type of the array. Between unsigned pixels it
# wraps: 10 - 200 is 66 in uint8 and 65346 in uint16. The synthetic rows leave the segment, and in uint16
# they reach six times the brightness of any image given. No warning. int16 and float32 are right.
# Why it matters: SMOTE is reached for where one class is rare, and survey cutouts are uint8 or uint16. The
# rare class is then filled up with noise. ADASYN and BorderlineSMOTE share the line of code.
#
# Output seen:
#   parents 10 and 200; range of the synthetic pixels, by type of the array:
#   float32   12.2 to 196.4, outside the parents 0%
#   int16     12.0 to 196.0, outside the parents 0%
#   uint8      8.0 to 255.0, outside the parents 60%
#   uint16    29.0 to 64786.0, outside the parents 60%
#   ADASYN, uint16: brightest synthetic pixel 63650
#   BorderlineSMOTE, uint16: brightest synthetic pixel 65238
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    imbalanced-learn==0.14.2 scikit-learn==1.9.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from imblearn.over_sampling import ADASYN, SMOTE, BorderlineSMOTE

rng = np.random.default_rng(0)
common = rng.integers(0, 50, (50, 4))
rare = np.array([[10] * 4, [200] * 4])
labels = np.r_[np.zeros(50, int), 1, 1]


def synthetic(sampler, dtype):
    images = np.concatenate([common, rare]).astype(dtype)
    grown, _ = sampler.fit_resample(images, labels)
    return grown[len(images) :].astype(float)


print("parents 10 and 200; range of the synthetic pixels, by type of the array:")
found = {}
for dtype in ("float32", "int16", "uint8", "uint16"):
    new = synthetic(SMOTE(random_state=0, k_neighbors=1), dtype)
    found[dtype] = new.min(), new.max(), ((new < 10) | (new > 200)).mean()
    print(f"{dtype:8} {new.min():5.1f} to {new.max():.1f}, outside the parents {found[dtype][2]:.0%}")
for dtype in ("float32", "int16"):
    assert found[dtype][0] >= 10 and found[dtype][1] <= 200
assert found["uint8"][2] > 0.05
assert found["uint16"][1] > 60_000

# The relatives of SMOTE, on three rare images.
labels = np.r_[labels, 1]
rare = np.array([[10] * 4, [200] * 4, [90] * 4])
for sampler in (
    ADASYN(random_state=0, n_neighbors=2),
    BorderlineSMOTE(random_state=0, k_neighbors=2, m_neighbors=10),
):
    top = synthetic(sampler, "uint16").max()
    print(f"{type(sampler).__name__}, uint16: brightest synthetic pixel {top:.0f}")
    assert top > 60_000
PYTHON
