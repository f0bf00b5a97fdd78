#!/usr/bin/env bash
#
# Package: PyTables 3.11.1, numpy 2.4.6.
# Guess: an index on a column changes how long a query takes, not what it finds; NaN fulfils no condition.
# What happens: with create_index() on a column of 200,000 values, 1% of them NaN, `flux > 1` finds 7,024 of its
# 31,376 rows. The other rows are there, and a loop over the table finds them. No warning. Without NaN, or with
# create_csindex(), the same query is right; `flux < -1` is right in all cases.
# Why it matters: the index is what one adds when a catalogue has grown, and NaN is what a catalogue has where
# nothing was measured. Three bright sources of four are lost to a query that was right the day before.
#
# Output seen:
#   with NaN, no index: flux > 1 finds 31376 of 31376, flux < -1 finds 31554 of 31554
#   with NaN, create_index: flux > 1 finds 7024 of 31376, flux < -1 finds 31554 of 31554
#   with NaN, create_csindex: flux > 1 finds 31376 of 31376, flux < -1 finds 31554 of 31554
#   without NaN, create_index: flux > 1 finds 31720 of 31720, flux < -1 finds 31878 of 31878
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    tables==3.11.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import tables

rng = np.random.default_rng(0)
whole = rng.normal(0, 1, 200_000)
holed = whole.copy()
holed[::97] = np.nan


def found(name, flux, index):
    rows = np.zeros(len(flux), [("flux", "f8")])
    rows["flux"] = flux
    with tables.open_file("catalogue.h5", "w") as file:
        table = file.create_table("/", "sources", rows)
        if index:
            getattr(table.cols.flux, index)()
        bright, dark = (len(table.get_where_list(query)) for query in ("flux > 1", "flux < -1"))
    true = int((flux > 1).sum()), int((flux < -1).sum())
    print(f"{name}, {index or 'no index'}: flux > 1 finds {bright} of {true[0]}, flux < -1 finds {dark} of {true[1]}")
    return bright / true[0], dark / true[1]


assert found("with NaN", holed, None) == (1, 1)
bright, dark = found("with NaN", holed, "create_index")
assert found("with NaN", holed, "create_csindex") == (1, 1)
assert found("without NaN", whole, "create_index") == (1, 1)
assert bright < 0.9 and dark == 1
PYTHON
