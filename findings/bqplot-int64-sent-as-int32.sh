#!/usr/bin/env bash
#
# Package: bqplot 0.13.1 (the plots of jdaviz and glue-jupyter), ipydatagrid 1.4.0, numpy 2.4.6, pandas 3.1.1.
# Guess: an int64 column goes to the browser as float64 or text, or is refused where it does not fit.
# What happens: both packages cast it to int32 without a look at the values. 3,000,000,000 counts become
# -1,294,967,296, and a source_id of Gaia becomes 82668288. No warning. grid.data, read back in
# Python, still shows the right values, so a test in the kernel does not notice. float64 is kept.
# Why it matters: int64 is what pandas and astropy make of counts, times in milli- or nanoseconds and
# identifiers. Points are drawn elsewhere, and the table on the screen lists objects that do not exist.
#
# Output seen:
#   bqplot, given: [1000, 2000000000, 3000000000, 1099511627777]
#   bqplot, sent to the browser: int32 [1000, 2000000000, -1294967296, 1]
#   bqplot, given as float64: float64 [1000.0, 2000000000.0, 3000000000.0, 1099511627777.0]
#   ipydatagrid, given: [4295806720, 5853498713190525696]
#   ipydatagrid, sent to the browser: int32 [839424, 82668288]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    bqplot==0.13.1 ipydatagrid==1.4.0 numpy==2.4.6 pandas==3.1.1
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import bqplot
import ipydatagrid
import numpy as np
import pandas as pd

counts = np.array([1_000, 2_000_000_000, 3_000_000_000, 2**40 + 1])
names = np.array([4295806720, 5853498713190525696])


def numbers(packed):
    return packed["dtype"], np.frombuffer(packed["value"], packed["dtype"]).tolist()


def plotted(x):
    scales = {"x": bqplot.LinearScale(), "y": bqplot.LinearScale()}
    return numbers(bqplot.Scatter(x=x, y=np.zeros(len(x)), scales=scales).get_state("x")["x"])


print("bqplot, given:", counts.tolist())
print("bqplot, sent to the browser:", *plotted(counts))
print("bqplot, given as float64:", *plotted(counts.astype(float)))
assert plotted(counts) == ("int32", [1000, 2_000_000_000, -1_294_967_296, 1])
assert plotted(counts.astype(float)) == ("float64", [1e3, 2e9, 3e9, 2.0**40 + 1])

grid = ipydatagrid.DataGrid(pd.DataFrame({"source_id": names}))
kind, shown = numbers(grid.get_state("_data")["_data"]["data"]["source_id"])
print("ipydatagrid, given:", names.tolist())
print("ipydatagrid, sent to the browser:", kind, shown)
assert kind == "int32" and shown == names.astype(np.int32).tolist()
assert grid.data["source_id"].tolist() == names.tolist()
PYTHON
