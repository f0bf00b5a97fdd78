#!/usr/bin/env bash
#
# Package: nested-pandas 0.7.2, pandas 3.1.1, numpy 2.4.6.
# Guess: frame["lc.flux"] = series puts values to the objects that the index of the series names, as frame["ra"] =
# series does and as pandas does everywhere; an index that does not fit is refused.
# What happens: the index is not looked at. Values go in by position, as long as their number is right: after a
# sort_values, or from a table in another order, the fluxes of one object become those of its neighbour. An index
# that knows none of the objects is taken as well. frame["lc.flux"] itself has the right index, so that all looks
# well.
# Why it matters: nested frames hold the light curves and detections of LSST's catalogues. A derived column, such
# as a calibrated flux that was joined on, is silently another object's.
#
# Output seen:
#   given: {10: [1.0, 2.0], 20: [100.0, 200.0]}
#   base column, index 20 first: object 10 has 1.0, object 20 has 100.0
#   nested column, index 20 first: object 10 has [100.0, 200.0], object 20 has [1.0, 2.0]
#   nested column, index 7 and 8: object 10 has [100.0, 200.0], object 20 has [1.0, 2.0]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    nested-pandas==0.7.2 pandas==3.1.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import pandas as pd
from nested_pandas import NestedFrame

objects = pd.DataFrame({"ra": [1.0, 2.0]}, index=[10, 20])
visits = pd.DataFrame({"time": [1, 2, 1, 2]}, index=[10, 10, 20, 20])
frame = NestedFrame(objects).join_nested(visits, "lc")

frame["first"] = pd.Series([100.0, 1.0], index=[20, 10])
flux = pd.Series([100.0, 200.0, 1.0, 2.0], index=[20, 20, 10, 10])
print("given:", {name: flux[flux.index == name].tolist() for name in (10, 20)})
print(f"base column, index 20 first: object 10 has {frame['first'][10]}, object 20 has {frame['first'][20]}")
assert frame["first"].tolist() == [1, 100]
for told, index in (("index 20 first", [20, 20, 10, 10]), ("index 7 and 8", [7, 7, 8, 8])):
    frame["lc.flux"] = flux.set_axis(index)
    one, two = (frame["lc"][name]["flux"].tolist() for name in (10, 20))
    print(f"nested column, {told}: object 10 has {one}, object 20 has {two}")
    assert (one, two) == ([100, 200], [1, 2])
PYTHON
