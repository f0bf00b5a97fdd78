"""The panel beside the gallery: counts, training, and what goes wrong, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipyvuetify
import ipywidgets
import traitlets

from anomalymatch_ui.app.panel.progress import curves, figures, history
from anomalymatch_ui.app.theme.theme import Theme
from anomalymatch_ui.app.words import advice, counted, whole
from anomalymatch_ui.labels import MARKS
from anomalymatch_ui.session import Cycle, Outlook, Status
from anomalymatch_ui.session.labelling.artefacts import FIRST_PAGE

PHASES = {
    "idle": "Idle",
    "embedding": "Looking at the images",
    "preparing": "Getting ready",
    "adapting": "Adapting the network to these images",
    "training": "Training",
    "ranking": "Ranking the images",
}
ADAPT = {
    "none": "Adapt to these images",
    "begun": "Go on adapting",
    "made": "Use the adapted network",
    "in use": "",
    "unfit": "",
}
"""What a click on the button does, by how far the adaptation is; none where nothing is left to do."""

HINT = "Training needs at least one anomaly (key A) and one nominal image (key N)."
WIDEST = 5
"""Times the lower end of the interval that its upper end may be for a number of all anomalies to be told."""

STATES = {"pausing": "pausing …", "paused": "paused", "stopping": "stopping …"}


class Panel(ipyvuetify.VuetifyTemplate):  # type: ignore[misc]
    """Shows a session's status and passes clicks on.

    Parameters
    ----------
    pool
        Name of the pool, the panel's title.
    actions
        What the buttons do: ``train``, ``adapt``, ``pause`` (or resume), ``stop``, ``download``,
        ``settings``; and, given what was chosen or typed, ``write_aim``, ``train_every``, ``go_back`` and
        ``pin``.
    theme
        The menu of themes, shown in the panel, whose colours it has.
    """

    template_file = (__file__, "panel.vue")

    pool = traitlets.Unicode().tag(sync=True)
    theme_menu = traitlets.Instance(Theme).tag(sync=True, **ipywidgets.widget_serialization)
    theme = traitlets.Enum(["dark", "light"], "dark").tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    train_every = traitlets.Int(0).tag(sync=True)
    outlook: traitlets.List[dict[str, str]] = traitlets.List().tag(sync=True)
    refusal = traitlets.Unicode().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        pool: str,
        status: Status,
        actions: dict[str, Callable[..., None]],
        theme: Theme,
    ) -> None:
        self._actions = actions
        super().__init__(pool=pool, status=described(status), theme_menu=theme)
        traitlets.dlink((theme, "shown"), (self, "theme"))
        self.add_class("am-panel")

    def heed(
        self, status: Status, outlook: Outlook, cycles: Sequence[Cycle] = (), train_every: int = 0
    ) -> None:
        """Show where a session is.

        Parameters
        ----------
        status
            What it does.
        outlook
            What to expect of the images without a label.
        cycles
            The finished ones.
        train_every
            After how many labels the next one starts by itself; 0 for never.
        """
        shown = described(status, cycles)
        self.train_every = train_every
        counts = status.counts
        self.outlook = foreseen(outlook, counts.labelled)
        if shown["counts"] != self.status["counts"]:
            # What was said about the labels of a moment ago is no longer true.
            self.note = self.refusal = ""
        if shown["busy"] != self.status["busy"]:
            self.refusal = ""  # nor is what could not be done beside a job, once it has ended
        self.status = shown

    def vue_write_aim(self, text: str) -> None:
        """Keep what was typed as what is sought."""
        self._actions["write_aim"](text)

    def vue_train(self, _data: Any = None) -> None:
        """Train was clicked."""
        self._actions["train"]()

    def vue_adapt(self, _data: Any = None) -> None:
        """Adapt was clicked."""
        self._actions["adapt"]()

    def vue_pause(self, _data: Any = None) -> None:
        """Pause or Resume was clicked."""
        self._actions["pause"]()

    def vue_stop(self, _data: Any = None) -> None:
        """Stop was clicked."""
        self._actions["stop"]()

    def vue_settings(self, _data: Any = None) -> None:
        """Open the settings, for their button was clicked."""
        self._actions["settings"]()

    def vue_choose_train_every(self, labels: Any) -> None:
        """Let cycles start by themselves as often as was typed."""
        self._actions["train_every"](labels)

    def vue_go_back(self, cycle: int) -> None:
        """Go back to the cycle whose button was clicked."""
        self._actions["go_back"](cycle)

    def vue_pin(self, row: dict[str, Any]) -> None:
        """Keep the cycle whose pin was clicked, or no longer."""
        self._actions["pin"](row["number"], row["pinned"])

    def vue_download(self, _data: Any = None) -> None:
        """Export was clicked."""
        self._actions["download"]()


def described(status: Status, cycles: Sequence[Cycle] = ()) -> dict[str, Any]:
    """Put a status into the words and numbers that the template shows."""
    # A job runs for a second or two, while torch is imported, before it tells a phase.
    busy = status.phase != "idle" or status.state != "idle"
    both_classes = status.counts.anomaly > 0 and status.counts.not_sought > 0
    may_keep = not busy and status.written_elsewhere is None and not status.read_only
    return {
        "aim": status.aim,
        "counts": _counts(status),
        "busy": busy,
        "can_train": may_keep and both_classes,
        "hint": "" if busy or both_classes or status.read_only else HINT,
        "can_pause": busy and status.state in ("running", "paused"),
        "can_stop": busy and status.state != "stopping",
        "train": "Train"
        if busy or status.interrupted_step is None
        else f"Resume cycle (step {status.interrupted_step})",
        "adapt": "" if busy else ADAPT[status.adaptation],
        "can_adapt": may_keep,
        "pause": {"pausing": "Pausing …", "paused": "Resume"}.get(status.state, "Pause"),
        "phase": _phase(status),
        "percent": _percent(status),
        "so_far": status.so_far(),
        "removed": removed(status),
        "figures": figures(status) if busy else [],
        "curves": curves(status, cycles),
        "cycles": history(cycles, status),
        "can_go_back": may_keep,
        "error": status.error or "",
        "message": status.message,
        "written_elsewhere": status.written_elsewhere or "",
        "read_only": status.read_only,
    }


def foreseen(outlook: Outlook, labelled: int = 0) -> list[dict[str, str]]:
    """Put what to expect into the words and numbers that the template shows; the last one is advice."""
    following, unfound, total = outlook.next, outlook.unfound, outlook.total
    if following is None or unfound is None or total is None:
        return []
    looks = f"the next {outlook.top:,} looks" if outlook.top > 1 else "the next look"
    if total.high <= WIDEST * total.low:
        value = f"{outlook.found:,} of about {whole(total.expected):,} ({total.low:,}–{total.high:,})"
        about = (
            "Images of anomalies in total, with a 95 % interval, estimated from how each look turned out "
            "and from the images drawn at random."
        )
        rows = [("found", value, about)]
    else:
        about = (
            f"Between {total.low:,} and {total.high:,}, with 95 % confidence. Each label narrows this, "
            "labels on images drawn at random most of all."
        )
        rows = [("found", f"{outlook.found:,}", about), ("in total", "too early to say", about)]
    if outlook.top:
        about = "Anomalies among the most probable images without a label, with a 95 % interval."
        rows.append((f"{looks} should bring", counted(following), about))
    advised = advice(outlook.found, labelled, following, outlook.top, unfound)
    if outlook.explores:
        advised += " Every second image shown is now an unusual one, unlike any labelled image."
    return [
        *({"name": name, "value": value, "title": title} for name, value, title in rows),
        {"name": "", "value": advised, "title": ""},
    ]


def removed(status: Status) -> str:
    """Return what the artefacts did to the top of the order; empty while there are none."""
    if status.removed is None or status.counts.artefact == 0:
        return ""
    number = round(FIRST_PAGE * status.removed)
    return f"Artefacts: {number} of the first {FIRST_PAGE} images made way."


def _counts(status: Status) -> list[dict[str, str]]:
    counts = status.counts
    rows = [
        {"name": name, "mark": mark, "number": f"{number:,}"}
        for name, mark in MARKS.items()
        if (number := getattr(counts, name)) or name != "artefact"  # not in every search are there some
    ]
    rows.append({"name": "unlabelled", "mark": "", "number": f"{counts.unlabelled:,}"})
    if status.unreadable:
        rows.append({"name": "unreadable", "mark": "", "number": f"{status.unreadable:,}"})
    return rows


def _percent(status: Status) -> float | None:
    progress = status.progress
    if progress.share is not None:
        return 100 * progress.share
    # The first step takes several times as long as the others: a bar at zero would look stuck.
    known = progress.total and (progress.done or status.phase != "training")
    return 100 * progress.done / progress.total if known else None


def _phase(status: Status) -> str:
    words = PHASES[status.phase]
    if status.phase == "training":
        words = f"Training, cycle {status.cycle + 1}"
    elif status.phase == "idle" and status.state == "idle" and status.interrupted_step is not None:
        words = f"Cycle {status.cycle + 1} stopped at step {status.interrupted_step}"
    elif status.phase == "idle" and status.state == "running":
        goes_on = status.interrupted_step is not None
        words = f"Going on with cycle {status.cycle + 1}" if goes_on else "Getting ready"
    elif status.phase == "idle":
        words = f"Idle after cycle {status.cycle}" if status.cycle else "No cycle trained yet"
        if status.cycle_in_use != status.cycle:
            used = f"cycle {status.cycle_in_use}" if status.cycle_in_use else "the labels alone"
            words += f", using {used}"
    return f"{words}: {STATES[status.state]}" if status.state in STATES else words
