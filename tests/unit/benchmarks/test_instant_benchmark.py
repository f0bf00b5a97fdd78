"""The benchmark of the instant clock runs, on images so few that its figures mean nothing."""

from __future__ import annotations

import json
from pathlib import Path

import processes

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "instant.py"


def test_the_time_from_a_label_to_an_order_is_told_in_milliseconds() -> None:
    run = processes.run_script(SCRIPT, "--images", 2500, "--labels", 2, "--json")
    run.check_returncode()
    figures = json.loads(run.stdout)
    assert figures["images"] == 2500
    assert 0 < figures["label_to_ranking_ms"]["median"] <= figures["label_to_ranking_ms"]["p95"]
    assert figures["listing_ms"]["median"] > 0
