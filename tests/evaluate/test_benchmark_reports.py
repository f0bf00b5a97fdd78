"""What a benchmark reports, and how two reports are compared."""

from __future__ import annotations

from typing import Any

import pytest

from anomalymatch_ui.evaluate import (
    SeedResult,
    comparison,
)
from anomalymatch_ui.evaluate.report import MEASURES
from anomalymatch_ui.evaluate.report import table as table_of


def report_of(*values: float, arithmetic: str = "float32 on cpu") -> dict[str, Any]:
    seeds = [{"seed": seed, "cycles": [{"ap": value}]} for seed, value in enumerate(values)]
    return {"task": "rings", "preset": "paper", "arithmetic": arithmetic, "seeds": seeds}


def test_a_table_has_mean_and_deviation_over_the_seeds_of_the_cycles_that_all_have() -> None:
    first = {measure: 0.1 * place for place, measure in enumerate(MEASURES)}
    second = {measure: 0.1 * place + 0.2 for place, measure in enumerate(MEASURES)}
    seeds = [{"seed": 1, "cycles": [first, first]}, {"seed": 2, "cycles": [second]}]
    report = {"task": "rings", "preset": "default", "changes": ["train.align=false"], "seeds": seeds}
    title, _, head, _, *rows = table_of(report).splitlines()
    assert title == "rings, preset default train.align=false, mean ± standard deviation over 2 seeds"
    assert head == "| cycle | " + " | ".join(MEASURES) + " |"
    cells = [f"{0.1 * place + 0.1:.3f} ± 0.141" for place in range(len(MEASURES))]
    assert rows == ["| 0 | " + " | ".join(cells) + " |"]


def test_a_comparison_gives_an_interval_from_five_seeds_on() -> None:
    few, enough = report_of(0.2, 0.4, 0.3, 0.3), report_of(0.2, 0.4, 0.3, 0.3, 0.3)
    assert comparison(few, enough, "ap", 0) == "ap after cycle 0: paper - paper = +0.000 (4 seeds)"
    assert "(95 % interval +0.000 to +0.000, 5 seeds)" in comparison(enough, enough, "ap", 0)
    assert comparison(report_of(0.5), few, "ap", 0).endswith("= +0.300 (1 seed)")


def test_a_comparison_says_where_the_number_formats_differ() -> None:
    line = comparison(report_of(0.5), report_of(0.2, arithmetic="bfloat16 on cpu"), "ap", 0)
    assert line.endswith("(1 seed; float32 on cpu against bfloat16 on cpu)")


@pytest.mark.parametrize(
    ("discoveries", "area"), [([True] * 10, 1.0), ([False] * 10, 0.0), ([False, True], 1 / 3), ([], 0.0)]
)
def test_the_discovery_area_is_the_share_of_what_finds_at_every_look_would_have(
    discoveries: list[bool], area: float
) -> None:
    assert SeedResult(1, discoveries=discoveries).discovery_area == pytest.approx(area)
