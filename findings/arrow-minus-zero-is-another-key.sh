#!/usr/bin/env bash
#
# Packages: pyarrow 26.0.1, duckdb 2.0.1.
# Guess: 0.0 and -0.0 are one number (IEEE 754), as they are to pyarrow's own equal and to DuckDB.
# What happens: group_by, unique and value_counts have two groups, is_in does not find -0.0 among 0.0, and a join of
# tables leaves the row out. equal says they are the same.
# Why it matters: -0.0 is what rounding and a change of sign leave: round(-0.2), a declination just south of the equator in whole
# degrees, -1 times a colour of 0. A count per degree of declination has the equator twice, each with part of the sources.
#
# Output seen:
#   equal True, is_in False, unique 2, value_counts [3, 1]
#   sources per degree: pyarrow [(-0.0, 1), (0.0, 3)], DuckDB [(0.0, 4)]
#   rows joined of 4: pyarrow 3, DuckDB 4
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    pyarrow==26.0.1 duckdb==2.0.1
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import duckdb
import pyarrow as pa
import pyarrow.compute as pc

degree = pc.round(pa.array([0.1, 0.4, 0.3, -0.2]))
zero = pa.array([0.0])
equal = pc.all(pc.equal(degree, 0.0)).as_py()
inside = pc.is_in(degree, zero)[3].as_py()
kinds = len(pc.unique(degree))
counts = pc.value_counts(degree).field("counts").to_pylist()
print(f"equal {equal}, is_in {inside}, unique {kinds}, value_counts {counts}")
assert equal and not inside and kinds == 2 and counts == [3, 1]

sources = pa.table({"degree": degree, "n": [1, 1, 1, 1]})
fields = pa.table({"degree": zero, "field": ["equator"]})
grouped = sources.group_by("degree").aggregate([("n", "sum")]).to_pydict()
mine = sorted(zip(grouped["degree"], grouped["n_sum"], strict=True), key=lambda group: group[1])
other = duckdb.sql("select degree, sum(n)::int from sources group by degree").fetchall()
print(f"sources per degree: pyarrow {mine}, DuckDB {other}")
assert [number for _, number in mine] == [1, 3] and other == [(0.0, 4)]

joined = sources.join(fields, "degree", join_type="inner").num_rows
theirs = len(duckdb.sql("select * from sources join fields using (degree)").fetchall())
print(f"rows joined of 4: pyarrow {joined}, DuckDB {theirs}")
assert (joined, theirs) == (3, 4)
PYTHON
