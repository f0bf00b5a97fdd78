#!/usr/bin/env bash
#
# Packages: duckdb 2.0.1, pyarrow 26.0.1, polars 2.1.0, pandas 3.1.1, numpy 2.4.6.
# Guess: a row whose float32 score was written as 0.9 fulfils `score >= 0.9`, or fulfils it nowhere; a value bound
# to a query counts as the same value written into it.
# What happens: numpy, polars and pandas narrow 0.9 to float32 and find the row. pyarrow widens the column, in
# which 0.9 is 0.899999976, and does not find it; nor does pandas once its columns are of Arrow. DuckDB does both:
# with 0.9 in the text of the query it finds the row, with 0.9 bound to a question mark it does not. For 0.6,
# which float32 rounds up, all of them find the row.
# Why it matters: scores of networks are float32, thresholds are round, and rounded scores lie on them. The
# candidates of one threshold differ between the tool that shows them and the one that exports them, and the safe
# way to write a query in DuckDB gives other rows than the one somebody tried by hand.
#
# Output seen:
#   score >= 0.9: numpy 1, polars 1, pandas 1, pandas of Arrow 0, pyarrow 0, DuckDB text 1, DuckDB bound 0
#   score == 0.3: numpy 1, polars 1, pandas 1, pandas of Arrow 0, pyarrow 0, DuckDB text 1, DuckDB bound 0
#   score >= 0.6: numpy 3, polars 3, pandas 3, pandas of Arrow 3, pyarrow 3, DuckDB text 3, DuckDB bound 3
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    duckdb==2.0.1 pyarrow==26.0.1 polars==2.1.0 pandas==3.1.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import operator

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

scores = np.array([0.3, 0.6, 0.7, 0.9], np.float32)
table = pa.table({"score": scores})
frame, arrow = table.to_pandas(), table.to_pandas(types_mapper=pd.ArrowDtype)


def counts(sign, limit):
    check = {">=": operator.ge, "==": operator.eq}[sign]
    sql = f"SELECT count(*) FROM 'scores.parquet' WHERE score {sign} "
    return {
        "numpy": int(check(scores, limit).sum()),
        "polars": pl.from_arrow(table).filter(check(pl.col("score"), limit)).height,
        "pandas": len(frame[check(frame.score, limit)]),
        "pandas of Arrow": len(arrow[check(arrow.score, limit)]),
        "pyarrow": table.filter(check(pc.field("score"), limit)).num_rows,
        "DuckDB text": duckdb.execute(sql + str(limit)).fetchall()[0][0],
        "DuckDB bound": duckdb.execute(sql + "?", [limit]).fetchall()[0][0],
    }


pl.from_arrow(table).write_parquet("scores.parquet")
for sign, limit, narrow, wide in ((">=", 0.9, 1, 0), ("==", 0.3, 1, 0), (">=", 0.6, 3, 3)):
    seen = counts(sign, limit)
    print(f"score {sign} {limit}:", ", ".join(f"{name} {number}" for name, number in seen.items()))
    assert list(seen.values()) == [narrow, narrow, narrow, wide, wide, narrow, wide]
PYTHON
