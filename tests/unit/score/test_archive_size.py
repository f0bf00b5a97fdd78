"""A ranking as long as an archive's: a page of it within a second, and memory that does not grow with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROWS = int(os.environ.get("STORE_ROWS", "1000000"))
BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "store.py"


@pytest.mark.timeout(1800)
def test_a_page_of_a_long_ranking_takes_less_than_a_second_and_little_memory(tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    subprocess.run([sys.executable, str(BENCHMARK), "--rows", str(ROWS), "--out", str(out)], check=True)
    result = json.loads(out.read_text())
    assert result["rows"] == ROWS
    for question in ("page", "score_of", "where_prefix", "where_score"):
        assert result[question]["median_ms"] < 1000, question
    assert result["first_page_ms"] < 1000
    if result["peak_mb"] is not None:  # the table of 10^7 rows is 400 MB
        assert result["peak_mb"] < 250
