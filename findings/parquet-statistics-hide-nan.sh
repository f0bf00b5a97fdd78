#!/usr/bin/env bash
#
# Packages: duckdb 2.0.1, datafusion 55.0.0, polars 2.1.0, pyarrow 26.0.1, numpy 2.4.6.
# Guess: a question to a Parquet file has one answer, whether a reader looks at the rows or at the statistics.
# What happens: all three engines order NaN above every number. The statistics that Arrow writes leave NaN out,
# and DuckDB and DataFusion believe them where they are enough. Of two NaN among 32 rows both are in
# `z > 6.5` and none is in `z > 100`; the maximum is 8. DuckDB even finds no NaN by isnan(z), and finds both
# once the same rows lie in memory. polars reads the rows and has both in each answer.
# Why it matters: "how many scores are missing?" is answered with none, so nobody looks further. A cut on
# magnitude or redshift has the failed fits in it or not, by where the cut lies.
#
# Output seen:
#   DuckDB, file: z > 6.5 10, z > 100 0, isnan(z) 0, max(z) 8.0
#   DuckDB, memory: z > 6.5 10, z > 100 2, isnan(z) 2, max(z) nan
#   DataFusion, file: z > 6.5 10, z > 100 0, isnan(z) 2, max(z) 8.0
#   DataFusion, memory: z > 6.5 10, z > 100 2, isnan(z) 2, max(z) nan
#   polars, file: z > 6.5 10, z > 100 2, isnan(z) 2
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    duckdb==2.0.1 datafusion==55.0.0 polars==2.1.0 pyarrow==26.0.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import datafusion
import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

z = np.tile(np.arange(1.0, 9), 4)
z[[5, 20]] = np.nan
table = pa.table({"z": z})
pq.write_table(table, "z.parquet")

context = datafusion.SessionContext()
context.register_parquet("file", "z.parquet")
context.register_record_batches("memory", [table.to_batches()])
duckdb.from_arrow(table).create("memory")
engines = {
    "DuckDB": lambda query: duckdb.sql(query).fetchall()[0][0],
    "DataFusion": lambda query: context.sql(query).to_pydict()["n"][0],
}
questions = ("z > 6.5", "z > 100", "isnan(z)")
seen = {}
for name, ask in engines.items():
    for place in ("file", "memory"):
        source = "'z.parquet'" if (name, place) == ("DuckDB", "file") else place
        counts = [ask(f"select count(*) as n from {source} where {what}") for what in questions]
        largest = ask(f"select max(z) as n from {source}")
        told = ", ".join(f"{what} {count}" for what, count in zip(questions, counts, strict=True))
        print(f"{name}, {place}: {told}, max(z) {largest}")
        seen[name, place] = (*counts, str(largest))
rows = pl.scan_parquet("z.parquet")
counts = [
    rows.filter(what).collect().height for what in (pl.col("z") > 6.5, pl.col("z") > 100, pl.col("z").is_nan())
]
print("polars, file:", ", ".join(f"{what} {count}" for what, count in zip(questions, counts, strict=True)))
assert seen["DuckDB", "memory"] == seen["DataFusion", "memory"] == (10, 2, 2, "nan")
assert seen["DuckDB", "file"] == (10, 0, 0, "8.0")
assert seen["DataFusion", "file"] == (10, 0, 2, "8.0")
assert counts == [10, 2, 2]
PYTHON
