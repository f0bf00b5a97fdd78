"""How well the product finds anomalies: a simulated astronomer, and measures of what they meet."""

from anomalymatch_ui.evaluate.metrics import (
    DetectionMetrics,
    expected_calibration_error,
    measure_detection,
    paired_difference,
)
from anomalymatch_ui.evaluate.report import comparison, run_benchmark, table
from anomalymatch_ui.evaluate.runner import CycleResult, Protocol, SeedResult, run_seed
from anomalymatch_ui.evaluate.task import Task

__all__ = [
    "CycleResult",
    "DetectionMetrics",
    "Protocol",
    "SeedResult",
    "Task",
    "comparison",
    "expected_calibration_error",
    "measure_detection",
    "paired_difference",
    "run_benchmark",
    "run_seed",
    "table",
]
