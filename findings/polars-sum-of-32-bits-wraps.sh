#!/usr/bin/env bash
#
# Packages: polars 2.1.0, duckdb 2.0.1, pyarrow 26.0.1, numpy 2.4.6.
# Guess: a sum of integers that does not fit their type is widened, or raises, as it is with 8 and 16 bits.
# What happens: polars widens 8 and 16 bits to 64, but sums 32 bits in 32 bits, and wraps. Three pixels of 10^9
# counts add up to a negative number, or, unsigned, to one too small by 2^32; in a group, in a list column and
# over time (cum_sum) as well. mean() is right. pyarrow and DuckDB are right on the same column.
# Why it matters: FITS images and counters of photon events have 32 bits, and their sums pass 2^31 with ease.
# Unsigned, the total is a plausible number.
#
# Output seen:
#   Int16, 3 times 30000: sum 90000, by star 90000, list 90000, cum_sum 90000, 3 means 90000
#     pyarrow 90000, DuckDB 90000
#   Int32, 3 times 1000000000: sum -1294967296, by star -1294967296, list -1294967296, cum_sum -1294967296,
#     3 means 3000000000
#     pyarrow 3000000000, DuckDB 3000000000
#   UInt32, 3 times 2000000000: sum 1705032704, by star 1705032704, list 1705032704, cum_sum 1705032704,
#     3 means 6000000000
#     pyarrow 6000000000, DuckDB 6000000000
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv" install --quiet --no-compile --disable-pip-version-check \
    polars==2.1.0 duckdb==2.0.1 pyarrow==26.0.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import duckdb
import polars as pl
import pyarrow.compute as pc

for kind, values in ((pl.Int16, [30000] * 3), (pl.Int32, [10**9] * 3), (pl.UInt32, [2 * 10**9] * 3)):
    counts = pl.Series("counts", values, dtype=kind)
    frame = pl.DataFrame({"star": [1, 1, 1], "counts": counts})
    sums = {
        "sum": counts.sum(),
        "by star": frame.group_by("star").agg(pl.col("counts").sum())["counts"][0],
        "list": frame.group_by("star").agg(pl.col("counts"))["counts"].list.sum()[0],
        "cum_sum": counts.cum_sum()[-1],
        "3 means": 3 * counts.mean(),
    }
    arrow = frame.to_arrow()
    others = pc.sum(arrow["counts"]).as_py(), int(duckdb.sql("select sum(counts) from arrow").fetchall()[0][0])
    print(f"{kind}, 3 times {values[0]}:", ", ".join(f"{name} {value:.0f}" for name, value in sums.items()))
    print(f"  pyarrow {others[0]}, DuckDB {others[1]}")
    assert others == (sum(values), sum(values)) and sums["3 means"] == sum(values)
    for name in ("sum", "by star", "list", "cum_sum"):
        lost = sum(values) - sums[name]
        assert lost == (0 if kind == pl.Int16 else 2**32)
PYTHON
