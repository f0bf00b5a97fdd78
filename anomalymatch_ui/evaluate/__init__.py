"""How well the product finds anomalies: a simulated astronomer, and measures of what they meet."""

from anomalymatch_ui.evaluate.in_turn import run_in_turn
from anomalymatch_ui.evaluate.metrics import (
    DetectionMetrics,
    expected_calibration_error,
    measure_detection,
    paired_difference,
)
from anomalymatch_ui.evaluate.published import Benchmark, open_benchmark, open_published
from anomalymatch_ui.evaluate.report import comparison, table
from anomalymatch_ui.evaluate.runner import CycleResult, Protocol, Queries, SeedResult, run_seed
from anomalymatch_ui.evaluate.searches import run_benchmark
from anomalymatch_ui.evaluate.task import Task

__all__ = [
    "Benchmark",
    "CycleResult",
    "DetectionMetrics",
    "Protocol",
    "Queries",
    "SeedResult",
    "Task",
    "comparison",
    "expected_calibration_error",
    "measure_detection",
    "open_benchmark",
    "open_published",
    "paired_difference",
    "run_benchmark",
    "run_in_turn",
    "run_seed",
    "table",
]
