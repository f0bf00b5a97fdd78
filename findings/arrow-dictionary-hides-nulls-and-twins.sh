#!/usr/bin/env bash
#
# Packages: pyarrow 26.0.1, duckdb 2.0.1.
# Guess: a dictionary column is the column of its values: Arrow's format allows a null among the values of a dictionary, and
# the same value twice, and readers see no difference to plain text.
# What happens: pyarrow disagrees with itself. Of the rows galaxy, null, null, is_valid keeps one, drop_null keeps all
# three, fill_null fills none and null_count is 0. With one value twice, group_by makes two groups of the same name.
# As plain text, and with DuckDB on the very same column, both are right.
# Why it matters: class labels and survey names come as dictionaries from writers that encode block by block. "Drop what has no
# label" leaves the unlabelled in, and a count by class has a class twice, of which a dictionary keeps the last.
# (apache/arrow issue 38457: null_count keeps counting the indices alone, for compatibility.)
#
# Output seen:
#   a null in the dictionary: null_count 0, is_valid 1, drop_null 3, fill_null ['galaxy', None, None], DuckDB 1
#   as text: null_count 2, is_valid 1, drop_null 1, fill_null ['galaxy', '?', '?'], DuckDB 1
#   a value twice: group_by [('galaxy', 1), ('star', 1), ('galaxy', 1)], DuckDB [('galaxy', 2), ('star', 1)]
#   as text: group_by [('galaxy', 2), ('star', 1)], DuckDB [('galaxy', 2), ('star', 1)]
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


def nulls(told, column):
    rows = pa.table({"label": column})
    seen = {
        "null_count": column.null_count,
        "is_valid": rows.filter(pc.field("label").is_valid()).num_rows,
        "drop_null": len(column.drop_null()),
        "fill_null": column.fill_null("?").to_pylist(),
        "DuckDB": duckdb.sql("select count(label) from rows").fetchall()[0][0],
    }
    print(f"{told}:", ", ".join(f"{name} {value}" for name, value in seen.items()))
    return list(seen.values())


def groups(told, column):
    rows = pa.table({"label": column, "n": [1, 1, 1]})
    counted = rows.group_by("label").aggregate([("n", "sum")])
    mine = list(zip(counted["label"].to_pylist(), counted["n_sum"].to_pylist(), strict=True))
    other = duckdb.sql("select label, sum(n)::int from rows group by label order by label").fetchall()
    print(f"{told}: group_by {mine}, DuckDB {other}")
    return mine, other


gap = pa.DictionaryArray.from_arrays(pa.array([0, 1, 1]), pa.array(["galaxy", None]))
twin = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2]), pa.array(["galaxy", "star", "galaxy"]))
gap.validate(full=True)
twin.validate(full=True)
right = [("galaxy", 2), ("star", 1)]
assert nulls("a null in the dictionary", gap) == [0, 1, 3, ["galaxy", None, None], 1]
assert nulls("as text", pa.array(gap.to_pylist())) == [2, 1, 1, ["galaxy", "?", "?"], 1]
assert groups("a value twice", twin) == ([("galaxy", 1), ("star", 1), ("galaxy", 1)], right)
assert groups("as text", pa.array(twin.to_pylist())) == (right, right)
PYTHON
