#!/usr/bin/env bash
#
# Package: astropy 8.0.2, numpy 2.4.6.
# Guess: a column of floats written as a machine-readable table (format="ascii.mrt") keeps its digits, or the
# digits of a stated number.
# What happens: as soon as one value is so small that Python prints it with an exponent (below 0.0001), the whole
# column is written in exponents, with as many digits as that one value has. A flux of 12345.678 beside a 2e-05 is
# written as 1e+04. Without the small value it is 12345.678.
# Why it matters: faint objects and p-values of round numbers stand in every catalogue. One of them cuts all other
# rows to its one or two digits, without a warning, in the table that is handed to the journal. CSV and ECSV keep
# all.
#
# Output seen:
#   [17.254321, 12345.678] comes back as [17.254321, 12345.678]
#   [17.254321, 12345.678, 2e-05] comes back as [20.0, 10000.0, 2e-05]
#   [17.254321, 12345.678, 2.1e-05] comes back as [17.0, 12000.0, 2.1e-05]
#   [17.254321, 12345.678, 2e-05] comes back from ECSV as [17.254321, 12345.678, 2e-05]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
from astropy.table import Table

fluxes = [17.254321, 12345.678]


def back(values, form):
    Table({"flux": values}).write("t.txt", format=form, overwrite=True)
    return Table.read("t.txt", format=form)["flux"].tolist()


for values, seen in (
    (fluxes, fluxes),
    ([*fluxes, 2e-05], [20.0, 10000.0, 2e-05]),
    ([*fluxes, 2.1e-05], [17.0, 12000.0, 2.1e-05]),
):
    got = back(values, "ascii.mrt")
    print(values, "comes back as", got)
    assert got == seen
small = [*fluxes, 2e-05]
print(small, "comes back from ECSV as", back(small, "ascii.ecsv"))
assert back(small, "ascii.ecsv") == back(small, "ascii.csv") == small
PYTHON
