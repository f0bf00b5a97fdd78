"""Words, numbers and lines that tell how the training goes and went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anomalymatch_ui.session import Cycle, Status

WIDTH, HEIGHT = 200, 28
"""Of a sparkline's own coordinates; the panel stretches it to its width."""

LABELS_ALONE = {"number": 0, "finished": "", "labels": "", "loss": "", "title": "No network", "kept": True}


def duration(seconds: float) -> str:
    """Say a time that is left, no finer than it is known.

    Examples
    --------
    >>> duration(8), duration(200), duration(5400)
    ('8 s', '3 min', '1 h 30 min')
    """
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def memory(size: int) -> str:
    """Say an amount of memory.

    Examples
    --------
    >>> memory(812_000_000), memory(3_140_000_000)
    ('812 MB', '3.1 GB')
    """
    return f"{size / 1e6:.0f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"


def figures(status: Status) -> list[dict[str, str]]:
    """Return the rows of numbers about the running job."""
    progress = status.progress
    rows = []
    if progress.total:
        unit = "step" if status.phase in ("adapting", "training") else "image"
        rows.append((unit, f"{progress.done:,} of {progress.total:,}"))
    if progress.closely is not None:
        rows.append(("looked at closely", f"{progress.closely:,} of {progress.total:,}"))
    if progress.seconds_left is not None:
        rows.append(("time left", duration(progress.seconds_left)))
    if progress.device is not None:
        computed = f"{progress.number_format or ''} by {progress.runtime}" if progress.runtime else None
        rows.append(
            ("device", ", ".join(filter(None, (progress.device, computed or progress.number_format))))
        )
    if progress.runtime_reason:
        rows.append(("why torch", progress.runtime_reason))
    if progress.memory is not None:
        rows.append(("memory", memory(progress.memory)))
    if progress.device_memory is not None:
        rows.append((f"memory of {progress.device}", memory(progress.device_memory)))
    return [{"name": name, "value": value} for name, value in rows]


def curves(status: Status, cycles: Sequence[Cycle]) -> list[dict[str, str]]:
    """Return the sparklines of the cycle that trains; at rest, of the one in use."""
    progress = status.progress
    if progress.loss_curve:
        return _curves(progress.loss_curve, progress.pseudo_label_curve, f"cycle {status.cycle + 1}")
    in_use = next((cycle for cycle in cycles if cycle.number == status.cycle_in_use), None)
    if status.phase == "training" or in_use is None or not in_use.loss:
        return []
    return _curves(in_use.loss, in_use.pseudo_label_share, f"cycle {in_use.number}")


def history(cycles: Sequence[Cycle], status: Status) -> list[dict[str, Any]]:
    """Return the rows of the list of cycles, the newest first and the labels alone last."""
    rows = [
        {
            "number": cycle.number,
            "finished": "" if cycle.finished is None else cycle.finished.isoformat(),
            "labels": "–" if cycle.labels is None else f"{cycle.labels:,}",
            "loss": f"{cycle.loss[-1]:.3f}" if cycle.loss else "–",
            "title": _summary(cycle),
            "kept": cycle.number in status.kept_cycles,
        }
        for cycle in reversed(cycles)
    ]
    rows += [LABELS_ALONE] if rows else []
    return [
        {
            **row,
            "in_use": row["number"] == status.cycle_in_use,
            "pinned": row["number"] in status.pinned_cycles,
        }
        for row in rows
    ]


def sparkline(values: Sequence[float], top: float) -> str:
    """Return the points of an SVG polyline from 0 at the bottom to ``top``.

    Examples
    --------
    >>> sparkline([0, 1], top=1)
    '0.0,27.0 200.0,1.0'
    """
    if len(values) == 1:
        values = [values[0], values[0]]
    scale = (HEIGHT - 2) / top if top > 0 else 0.0
    pace = WIDTH / (len(values) - 1)
    return " ".join(f"{i * pace:.1f},{HEIGHT - 1 - value * scale:.1f}" for i, value in enumerate(values))


def _curves(loss: Sequence[float], share: Sequence[float], cycle: str) -> list[dict[str, str]]:
    return [
        {
            "name": f"loss, {cycle}",
            "value": f"{loss[-1]:.3f}",
            "points": sparkline(loss, max(loss)),
            "title": f"Training loss of {cycle}: {loss[0]:.3f} at the start, {loss[-1]:.3f} at the end.",
        },
        {
            "name": "pseudo-labels used",
            "value": f"{share[-1]:.0%}",
            "points": sparkline(share, 1.0),
            "title": f"Share of unlabelled images whose pseudo-label {cycle} used: {share[0]:.0%} at the "
            f"start, {share[-1]:.0%} at the end.",
        },
    ]


def _summary(cycle: Cycle) -> str:
    if cycle.steps is None or cycle.seconds is None:
        return f"No figures were kept for cycle {cycle.number}."
    labels = f"{cycle.anomalies or 0:,} anomalies and {cycle.nominals or 0:,} nominal images"
    return (
        f"Cycle {cycle.number}: {labels}, "
        f"{cycle.steps:,} steps in {duration(cycle.seconds)} on {cycle.device}."
    )
