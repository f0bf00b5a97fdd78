"""The results of a benchmark: run seed by seed, kept as JSON, shown as a table and as discovery curves."""

from __future__ import annotations

import importlib.util
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from anomalymatch_ui import jsontext
from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.evaluate.forecasts import forecast_rows
from anomalymatch_ui.evaluate.machine import made_with
from anomalymatch_ui.evaluate.metrics import paired_difference
from anomalymatch_ui.evaluate.runner import SeedResult
from anomalymatch_ui.files import write_bytes_atomically

Report = dict[str, Any]
LEAST_SEEDS = 5
"""Of fewer pairs a bootstrap's percentiles are no 95 % interval."""

MEASURES = ("auroc", "ap", "precision_top1", "recall_5", "calibration_error", "found", "train_seconds")


def open_report(path: Path | None, settings: dict[str, Any]) -> Report:
    """Return the report to go on with: the one at ``path``, or a new one.

    Parameters
    ----------
    path
        Where it is kept; ``None`` keeps it in memory.
    settings
        Task and its table's digest, preset, settings of the product, protocol and arithmetic. A report of
        others is refused, never mixed; a setting that the product did not have when the report was made
        counts as what the product did then, or as today's default where that is the same, and a digest that
        it does not name as today's.

    Raises
    ------
    InputError
        If the file is no report, or of other settings.
    """
    if path is None or not path.exists():
        return {**settings, "seeds": []}
    try:
        report = read_report(path)
        kept = {key: report.get(key) for key in settings}
        if "table" in settings:
            kept["table"] = report.get("table", settings["table"])
        if "protocol" in settings:
            kept["protocol"] = {"measured": "test", **report["protocol"]}
        if "config" in settings:
            kept["config"] = config_settings(Config.of_record(report["config"], str(path)))
    except (InputError, KeyError) as error:
        raise InputError(
            f"{path} is not the report of a benchmark. Choose another file for --json."
        ) from error
    if kept != settings:
        different = next(key for key in settings if kept[key] != settings[key])
        raise InputError(
            f"{path} holds results with another {different} ({kept[different]}, not {settings[different]}). "
            "Choose another file for --json."
        )
    return {**report, **settings}


def read_report(path: Path) -> Report:
    """Read what was kept of a benchmark.

    Raises
    ------
    InputError
        If the file is missing, or no report.
    """
    try:
        report = jsontext.parsed(path.read_text(encoding="utf-8"))
        seeds = report["seeds"]
        whole = isinstance(seeds, list) and all(
            isinstance(seed["cycles"], list) and isinstance(seed["seed"], int) for seed in seeds
        )
    except (OSError, ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise InputError(f"{path} is not the report of a benchmark.")
    return dict(report)


def config_settings(config: Config) -> dict[str, Any]:
    """Return the settings that decide a search.

    Seed and device are not among them, nor what only decides how fast it is, or what happens between the
    labels of a person.
    """
    return config.model_dump(
        mode="json",
        exclude={
            "seed": True,
            "device": True,
            "instant": True,
            "working_set": True,
            "score": {"batch_size", "workers", "decode", "compiled", "frozen_maps_gb", "shard_size"},
            "train": {"every", "keep_cycles", "checkpoint_every", "checkpoint_seconds"},
        },
    )


def add_result(report: Report, result: SeedResult, path: Path | None, runtime: str = "torch") -> None:
    """Add a seed's result, and what it was made with, and keep the report.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    report["seeds"].append({**result.as_dict(), "made_with": made_with(runtime)})
    if path is not None:
        keep_report(report, path)


def keep_report(report: Report, path: Path) -> None:
    """Write a report, whole or not at all. Raises ``StorageError`` if the disk refuses."""
    write_bytes_atomically(path, (json.dumps(report, indent=1) + "\n").encode())


def values(report: Report, measure: str, cycle: int) -> np.ndarray:
    """Return a measure after a cycle, float ``(seeds,)``."""
    return np.array([seed["cycles"][cycle][measure] for seed in report["seeds"]], dtype=float)


def table(report: Report) -> str:
    """Return mean and standard deviation over the seeds of each measure after each cycle, as Markdown."""
    cycles = range(min((len(seed["cycles"]) for seed in report["seeds"]), default=0))
    seeds = len(report["seeds"])
    preset = " ".join([report["preset"], *report.get("changes", ())])
    title = f"{report['task']}, preset {preset}, mean ± standard deviation over {seeds} seeds"
    lines = [title, "", f"| cycle | {' | '.join(MEASURES)} |", "|---" * (len(MEASURES) + 1) + "|"]
    for cycle in cycles:
        cells = []
        for measure in MEASURES:
            column = values(report, measure, cycle)
            spread = column.std(ddof=1) if len(column) > 1 else 0.0
            cells.append(f"{column.mean():.3f} ± {spread:.3f}")
        lines.append(f"| {cycle} | " + " | ".join(cells) + " |")
    forecasts = forecast_rows([seed["cycles"] for seed in report["seeds"]])
    if forecasts:
        lines += ["", "Anomalies in the pool, means over the seeds, with 95 % intervals", "", *forecasts]
    return "\n".join(lines)


def comparison(report: Report, reference: Report, measure: str, cycle: int) -> str:
    """Say by how much a report differs from a reference, over the seeds that both have.

    It has an interval from five seeds on, and says where the two were computed in different number formats.

    Raises
    ------
    InputError
        If they are of different tasks, or have no seed in common.
    """
    if report["task"] != reference["task"]:
        raise InputError(f"The reports are of different tasks, {report['task']} and {reference['task']}.")
    ours, theirs = ({seed["seed"]: seed["cycles"] for seed in r["seeds"]} for r in (report, reference))
    common = [seed for seed in ours if seed in theirs]
    if not common:
        raise InputError("The reports have no seed in common.")
    pairs = np.array([[side[seed][cycle][measure] for side in (ours, theirs)] for seed in common])
    mean, low, high = paired_difference(pairs[:, 0], pairs[:, 1])
    seeds = f"{len(common)} seed{'s' if len(common) > 1 else ''}"
    if len(common) >= LEAST_SEEDS:
        seeds = f"95 % interval {low:+.3f} to {high:+.3f}, {seeds}"
    formats = [side.get("arithmetic", "an unknown number format") for side in (report, reference)]
    if formats[0] != formats[1]:
        seeds += f"; {formats[0]} against {formats[1]}"
    return (
        f"{measure} after cycle {cycle}: {report['preset']} - {reference['preset']} = {mean:+.3f} ({seeds})"
    )


def check_drawing() -> None:
    """Check that a plot can be drawn. Raises ``InputError`` if Matplotlib is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        raise InputError("Drawing needs Matplotlib. Install it with `pip install 'anomalymatch-ui[plot]'`.")


def plot_discoveries(report: Report, path: Path) -> None:
    """Draw anomalies found against images looked at: each seed, and their mean.

    Raises
    ------
    InputError
        If Matplotlib is not installed.
    StorageError
        If the disk refuses.
    """
    check_drawing()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="images looked at", ylabel="anomalies found", title=report["task"])
    curves = [np.concatenate([[0], np.cumsum(seed["discoveries"])]) for seed in report["seeds"]]
    for curve in curves:
        axes.plot(curve, color="0.75", linewidth=1)
    length = min(map(len, curves))
    mean = np.mean([curve[:length] for curve in curves], axis=0)
    axes.plot(mean, color="tab:orange", linewidth=2, label=f"preset {report['preset']}, mean")
    axes.plot([0, length - 1], [0, length - 1], color="0.6", linestyle=":", label="every look a find")
    axes.legend(frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    write_bytes_atomically(path, buffer.getvalue())
