#!/usr/bin/env bash
#
# Packages: astropy 8.0.2, numpy 2.4.6, pyarrow 26.0.1, pandas 3.1.1, duckdb 2.0.1.
# Guess: a masked value of an astropy table is NULL in the Parquet file it writes.
# What happens: the value beneath the mask is written as an ordinary one, and the mask as a column of its
# own, "z.mask", which only astropy knows how to read. Everyone else sees a valid number. The filters of
# astropy's own Table.read go by it as well: rows are selected by a value that is then shown as masked.
# Why it matters: beneath the masks of a joined or imported catalogue lie zeros, 1e20 or the values of
# another object. A colleague's SELECT counts them as measurements, and nothing in the schema says
# otherwise.
#
# Output seen:
#   pyarrow: {'id': [1, 2], 'z': [0.5, 9.9], 'z.mask': [False, True]} | nulls: 0
#   DuckDB, z > 6: id [(2,)]
#   astropy, z > 6: id [2] z [None]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    astropy==8.0.2 numpy==2.4.6 pyarrow==26.0.1 pandas==3.1.1 duckdb==2.0.1
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import duckdb
import pyarrow.parquet as pq
from astropy.table import MaskedColumn, Table

table = Table({"id": [1, 2], "z": MaskedColumn([0.5, 9.9], mask=[False, True])})
table.write("catalogue.parquet")
columns = pq.read_table("catalogue.parquet")
print("pyarrow:", columns.to_pydict(), "| nulls:", columns["z"].null_count)
high = duckdb.sql("SELECT id FROM 'catalogue.parquet' WHERE z > 6").fetchall()
print("DuckDB, z > 6: id", high)
filtered = Table.read("catalogue.parquet", filters=[("z", ">", 6)])
print("astropy, z > 6: id", filtered["id"].tolist(), "z", filtered["z"].tolist())
assert columns.to_pydict() == {"id": [1, 2], "z": [0.5, 9.9], "z.mask": [False, True]}
assert columns["z"].null_count == 0 and high == [(2,)]
assert filtered["id"].tolist() == [2] and filtered["z"].tolist() == [None]
PYTHON
