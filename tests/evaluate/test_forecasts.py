from __future__ import annotations

import pytest

from anomalymatch_ui.evaluate.forecasts import Reliability, forecast_rows


def cycle(expected: float | None, low: int, high: int, true: int) -> dict[str, float | None]:
    parts = {"expected": expected, "low": low, "high": high, "true": true}
    told = {f"{kind}_{part}": value for kind in ("next", "all") for part, value in parts.items()}
    return {**told, "pool_calibration_error": 0.01}


def test_forecasts_are_judged_by_intervals_that_hold_and_points_that_are_near() -> None:
    judged = Reliability.of(
        [cycle(10, 5, 20, 12), cycle(10, 5, 20, 30), cycle(0.4, 0, 3, 0), cycle(1, 0, 4, 4)], "next"
    )
    assert judged is not None
    assert (judged.count, judged.held, judged.near) == (4, 0.75, 0.5)
    assert judged.width == pytest.approx(4)


def test_rounds_without_a_forecast_are_left_out_and_reports_of_before_have_no_table() -> None:
    assert Reliability.of([cycle(None, 0, 0, 3)], "all") is None
    assert Reliability.of([{}], "all") is None
    assert forecast_rows([[{}, {}]]) == []


def test_the_table_has_forecast_and_truth_of_each_round() -> None:
    rows = forecast_rows([[cycle(10, 5, 20, 12), cycle(8, 4, 11, 12)], [cycle(12, 5, 22, 9)]])
    assert rows[2].startswith("| 0 | 11.0 (5–21) / 10.5 | 1.00 |")
    assert rows[2].endswith("| 0.0100 |")
    assert len(rows) == 3
