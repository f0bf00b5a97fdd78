#!/usr/bin/env bash
#
# Package: blosc2 4.14.1, numpy 2.4.6.
# Guess: an array of big-endian numbers, as FITS has them, is added up like any other, or refused.
# What happens: the dtype says big-endian, and elements and `std` are right. But arithmetic, `sum`, `mean`, and `max` of
# floats read the bytes as little-endian. Ten floats from 0 to 9 add up to 3e-40 and have the maximum 7; one more than
# each is 1.0 for all of them, though the first three of the same expression, asked for alone, are 1, 2 and 3. No warning.
# Why it matters: big-endian is what astropy hands over from FITS. The total flux of a compressed stack is then next to
# nothing or enormous, and its brightest pixel is not found, while every pixel that is looked at is as it should be.
#
# Output seen:
#   <f4 elements [0.0, 1.0, 2.0] sum 45 mean 4.5 max 9 std 2.87228
#   >f4 elements [0.0, 1.0, 2.0] sum 3.27973e-40 mean 3.27973e-41 max 7 std 2.87228
#   >f8 elements [0.0, 1.0, 2.0] sum 5.11294e-319 mean 5.11309e-320 max 1 std 2.87228
#   >i2 elements [0, 1, 2] sum 11520 mean 1152 max 9 std 2.87228
#   >f4 one more [1.0, 1.0, 1.0], its first three [1.0, 2.0, 3.0]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check blosc2==4.14.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import blosc2
import numpy as np

found = {}
for dtype in ("<f4", ">f4", ">f8", ">i2"):
    stack = blosc2.asarray(np.arange(10, dtype=dtype))
    found[dtype] = {name: float(getattr(stack, name)()) for name in ("sum", "mean", "max", "std")}
    print(dtype, "elements", stack[:3].tolist(), *(f"{name} {value:g}" for name, value in found[dtype].items()))
    assert stack[:].tolist() == list(range(10))
    assert round(found[dtype]["std"], 5) == 2.87228
assert found["<f4"]["sum"] == 45 and found["<f4"]["max"] == 9
assert found[">f4"]["sum"] < 1e-38 and found[">f4"]["max"] == 7
assert found[">f8"]["sum"] < 1e-300 and found[">f8"]["max"] == 1
assert found[">i2"]["sum"] == 11520 and found[">i2"]["max"] == 9
more = blosc2.asarray(np.arange(10, dtype=">f4")) + 1
whole, first = more[:].tolist(), more[:3].tolist()
print(f">f4 one more {whole[:3]}, its first three {first}")
assert whole == [1.0] * 10 and first == [1.0, 2.0, 3.0]
PYTHON
