"""The panel beside the gallery: counts, training, and what goes wrong, in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipyvuetify
import traitlets

from anomalymatch_ui.session import Outlook, Status

MARKS = {"anomaly": "▲", "nominal": "●", "unsure": "◆"}
PHASES = {
    "idle": "Idle",
    "embedding": "Looking at every image once",
    "preparing": "Preparing the training",
    "training": "Training",
    "ranking": "Ranking the images",
}
HINT = "Training needs at least one anomaly (key A) and one nominal image (key N)."
STATES = {"pausing": "pausing …", "paused": "paused", "stopping": "stopping …"}


class Panel(ipyvuetify.VuetifyTemplate):  # type: ignore[misc]
    """Shows a session's status and passes clicks on.

    Parameters
    ----------
    pool
        Name of the pool, the panel's title.
    export_to
        Where the labels are exported to, shown beside the button.
    actions
        What the buttons do: ``train``, ``pause`` (or resume), ``stop`` and ``export_labels``.
    """

    template_file = (__file__, "panel.vue")

    pool = traitlets.Unicode().tag(sync=True)
    export_to = traitlets.Unicode().tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    outlook: traitlets.List[dict[str, str]] = traitlets.List().tag(sync=True)
    refusal = traitlets.Unicode().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)

    def __init__(
        self, pool: str, export_to: Path, status: Status, actions: dict[str, Callable[[], None]]
    ) -> None:
        self._actions = actions
        super().__init__(pool=pool, export_to=f"to {export_to}", status=described(status))
        self.add_class("am-panel")

    def heed(self, status: Status, outlook: Outlook) -> None:
        """Show a status, and what to expect of the images without a label."""
        shown = described(status)
        self.outlook = foreseen(outlook)
        if shown["counts"] != self.status["counts"]:
            # What was said about the labels of a moment ago is no longer true.
            self.note = self.refusal = ""
        self.status = shown

    def vue_train(self, _data: Any = None) -> None:
        """Train was clicked."""
        self._actions["train"]()

    def vue_pause(self, _data: Any = None) -> None:
        """Pause or Resume was clicked."""
        self._actions["pause"]()

    def vue_stop(self, _data: Any = None) -> None:
        """Stop was clicked."""
        self._actions["stop"]()

    def vue_export_labels(self, _data: Any = None) -> None:
        """Export was clicked."""
        self._actions["export_labels"]()


def described(status: Status) -> dict[str, Any]:
    """Put a status into the words and numbers that the template shows."""
    # A job runs for a second or two, while torch is imported, before it tells a phase.
    busy = status.phase != "idle" or status.state != "idle"
    total, done = status.progress.total, status.progress.done
    both_classes = status.counts.anomaly > 0 and status.counts.nominal > 0
    return {
        "counts": _counts(status),
        "busy": busy,
        "can_train": not busy and status.pen_elsewhere is None and both_classes,
        "hint": "" if busy or both_classes else HINT,
        "can_pause": busy and status.state in ("running", "paused"),
        "can_stop": busy and status.state != "stopping",
        "train": "Train"
        if status.interrupted_step is None
        else f"Resume cycle (step {status.interrupted_step})",
        "pause": {"pausing": "Pausing …", "paused": "Resume"}.get(status.state, "Pause"),
        "phase": _phase(status),
        # The first step takes several times as long as the others: a bar at zero would look stuck.
        "percent": 100 * done / total if total and (done or status.phase != "training") else None,
        "figures": _figures(status) if busy else [],
        "error": status.error or "",
        "message": status.message,
        "pen_elsewhere": status.pen_elsewhere or "",
    }


def foreseen(outlook: Outlook) -> list[dict[str, str]]:
    """Put what to expect into the words and numbers that the template shows."""
    rows = []
    if outlook.expected is not None:
        name = f"anomalies expected in the next {outlook.top:,}"
        rows.append((name, f"{outlook.expected:.0f} ({outlook.low:,}–{outlook.high:,})"))
    if outlook.drawn:
        unfound = outlook.unfound
        name = f"anomalies unfound, from {outlook.drawn:,} drawn"
        rows.append((name, f"{unfound.expected:,.0f} ({unfound.low:,}–{unfound.high:,})"))
    return [{"name": name, "value": value} for name, value in rows]


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


def _counts(status: Status) -> list[dict[str, str]]:
    counts = status.counts
    rows = [
        {"name": name, "mark": mark, "number": f"{getattr(counts, name):,}"} for name, mark in MARKS.items()
    ]
    rows.append({"name": "unlabelled", "mark": "", "number": f"{counts.unlabelled:,}"})
    if status.unreadable:
        rows.append({"name": "unreadable", "mark": "", "number": f"{status.unreadable:,}"})
    return rows


def _phase(status: Status) -> str:
    words = PHASES[status.phase]
    if status.phase == "training":
        words = f"Training, cycle {status.cycle + 1}"
    elif status.phase == "idle" and status.state == "idle" and status.interrupted_step is not None:
        words = f"Cycle {status.cycle + 1} stopped at step {status.interrupted_step}"
    elif status.phase == "idle" and status.state == "running":
        words = "Getting ready"
    elif status.phase == "idle":
        words = f"Idle after cycle {status.cycle}" if status.cycle else "No cycle trained yet"
    return f"{words}: {STATES[status.state]}" if status.state in STATES else words


def _figures(status: Status) -> list[dict[str, str]]:
    progress = status.progress
    rows = []
    if progress.total:
        unit = "step" if status.phase == "training" else "image"
        rows.append((unit, f"{progress.done:,} of {progress.total:,}"))
    if progress.seconds_left is not None:
        rows.append(("time left", duration(progress.seconds_left)))
    if progress.loss is not None:
        rows.append(("loss", f"{progress.loss:.3f}"))
    if progress.pseudo_label_share is not None:
        rows.append(("pseudo-labels used", f"{progress.pseudo_label_share:.0%}"))
    if progress.device is not None:
        rows.append(("device", progress.device))
    return [{"name": name, "value": value} for name, value in rows]
