"""Forecasts against the truth: how many anomalies stand first, and how many there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anomalymatch_ui.evaluate.metrics import expected_calibration_error
from anomalymatch_ui.labels import Label
from anomalymatch_ui.session import Session

KINDS = {"next": "in the next 100", "all": "in all"}
"""What is forecast, and its name in tables."""

WITHIN = 1.5
"""Factor that a point forecast is to lie within; a number below 1 counts as 1."""


@dataclass(frozen=True)
class ForecastResult:
    """What was expected of a pool at one point of a search, and what is true.

    Attributes
    ----------
    next_expected, next_low, next_high, next_true
        Anomalies among the hundred most probable images without a label; expected and the interval are
        ``None`` before there is a forecast.
    all_expected, all_low, all_high, all_true
        Anomalies in the whole pool.
    pool_calibration_error
        Expected calibration error of the probabilities of the images without a label; ``None`` where the
        scores are none.
    """

    next_expected: float | None
    next_low: int | None
    next_high: int | None
    next_true: int
    all_expected: float | None
    all_low: int | None
    all_high: int | None
    all_true: int
    pool_calibration_error: float | None


def measure_forecast(session: Session, truth: Mapping[str, Label]) -> ForecastResult:
    """Compare what a session says now with the labels of all its images."""
    ranking, outlook, labels = session.ranking(), session.insight.outlook(), session.labels()
    names = [session.pool.ids[row] for row in ranking.order.tolist()]
    is_left = np.array([name not in labels for name in names], dtype=bool)
    is_anomaly = np.array([truth[name] == "anomaly" for name in names], dtype=bool)
    following, total = outlook.next, outlook.total
    error = None
    if ranking.calibrated and is_left.any():
        probabilities = ranking.scores[ranking.order][is_left]
        error = expected_calibration_error(is_anomaly[is_left], probabilities)
    return ForecastResult(
        next_expected=None if following is None else following.expected,
        next_low=None if following is None else following.low,
        next_high=None if following is None else following.high,
        next_true=int(is_anomaly[is_left][: outlook.top].sum()),
        all_expected=None if total is None else total.expected,
        all_low=None if total is None else total.low,
        all_high=None if total is None else total.high,
        all_true=int(is_anomaly.sum()),
        pool_calibration_error=error,
    )


@dataclass(frozen=True)
class Reliability:
    """How far forecasts can be believed.

    Attributes
    ----------
    count
        How many there are.
    held
        Share of those whose 95 % interval held the truth.
    near
        Share of those whose point lay within a factor 1.5 of the truth.
    width
        Median of the interval's upper end over its lower one, either at least 1.
    """

    count: int
    held: float
    near: float
    width: float

    @classmethod
    def of(cls, cycles: Iterable[Mapping[str, Any]], kind: str) -> Reliability | None:
        """Judge the forecasts of a kind in the rounds of reports; ``None`` where there are none."""
        told = [
            [float(cycle[f"{kind}_{part}"]) for part in ("expected", "low", "high", "true")]
            for cycle in cycles
            if cycle.get(f"{kind}_expected") is not None
        ]
        if not told:
            return None
        expected, low, high, true = np.array(told).T
        at_least_one = np.maximum(np.floor(expected + 0.5), 1), np.maximum(true, 1)
        factors = np.maximum(at_least_one[0] / at_least_one[1], at_least_one[1] / at_least_one[0])
        return cls(
            len(told),
            float(((low <= true) & (true <= high)).mean()),
            float((factors <= WITHIN).mean()),
            float(np.median(np.maximum(high, 1) / np.maximum(low, 1))),
        )


def forecast_rows(cycles: list[list[Mapping[str, Any]]]) -> list[str]:
    """Return a table of forecast and truth, round by round, as lines of Markdown; none of reports of before.

    Parameters
    ----------
    cycles
        The rounds of each seed.
    """
    rounds = [list(those) for those in zip(*cycles, strict=False)]
    head = " | ".join(f"{name}: forecast (interval) / truth | held" for name in KINDS.values())
    lines = [f"| cycle | {head} | calibration error |", "|---" * 6 + "|"]
    for number, those in enumerate(rounds):
        cells = []
        for kind in KINDS:
            judged = Reliability.of(those, kind)
            if judged is None:
                cells.append(" | ")
                continue
            told = [one for one in those if one.get(f"{kind}_expected") is not None]
            parts = ("expected", "low", "high", "true")
            means = [np.mean([one[f"{kind}_{part}"] for one in told]) for part in parts]
            cells.append(
                f"{means[0]:.1f} ({means[1]:.0f}–{means[2]:.0f}) / {means[3]:.1f} | {judged.held:.2f}"
            )
        errors = [
            one["pool_calibration_error"] for one in those if one.get("pool_calibration_error") is not None
        ]
        cells.append(f"{np.mean(errors):.4f}" if errors else "")
        if any(cell.strip(" |") for cell in cells):
            lines.append(f"| {number} | " + " | ".join(cells) + " |")
    return lines if len(lines) > 2 else []
