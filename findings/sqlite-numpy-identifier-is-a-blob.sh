#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, numpy 2.4.6, sqlite3 of Python 3.11.
# Guess: the fields of a table's row can be given to sqlite3: integers, floats and booleans are stored as such, or
# refused as a type that it does not know.
# What happens: only float64 is, being a Python float. All others are stored as the bytes of their buffer, also in
# a column declared INTEGER or REAL, for SQLite lets a column hold any type. A query with the number finds
# nothing, a query with the numpy value finds the row, so that a program that writes and reads with numpy looks
# right. A blob is greater than every number: `score > 0.9` finds 0.25 in float32. A float64 NaN becomes NULL.
# Why it matters: labels and scores are kept in SQLite and read by other programs. There the labelled objects are
# missing, and each of them is above every threshold.
#
# Output seen:
#   as it is: types blob, blob, blob; id = 5 finds 0, id = ? with numpy finds 1, score > 0.9 finds 1
#   by .item(): types integer, real, integer; id = 5 finds 1, id = ? with numpy finds 0, score > 0.9 finds 0
#   NaN is stored as null
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import sqlite3

import numpy as np
from astropy.table import Table

table = Table({"id": np.array([5]), "score": np.array([0.25], np.float32), "seen": [True]})
row = table[0]


def look(name, values):
    base = sqlite3.connect(":memory:")
    base.execute("CREATE TABLE labels (id INTEGER, score REAL, seen INTEGER)")
    base.execute("INSERT INTO labels VALUES (?, ?, ?)", values)
    kinds = base.execute("SELECT typeof(id), typeof(score), typeof(seen) FROM labels").fetchone()
    count = "SELECT count(*) FROM labels WHERE "
    plain = base.execute(count + "id = 5").fetchone()[0]
    bound = base.execute(count + "id = ?", (row["id"],)).fetchone()[0]
    above = base.execute(count + "score > 0.9").fetchone()[0]
    print(
        f"{name}: types {', '.join(kinds)}; id = 5 finds {plain}, id = ? with numpy finds {bound},"
        f" score > 0.9 finds {above}"
    )
    return kinds, plain, bound, above


assert look("as it is", tuple(row)) == (("blob",) * 3, 0, 1, 1)
assert look("by .item()", tuple(value.item() for value in row)) == (("integer", "real", "integer"), 1, 0, 0)
kind = sqlite3.connect(":memory:").execute("SELECT typeof(?)", (np.float64("nan"),)).fetchone()[0]
print("NaN is stored as", kind)
assert kind == "null"
PYTHON
