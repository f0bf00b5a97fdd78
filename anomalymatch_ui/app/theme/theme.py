"""Dark or light: what a person chose, and what is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import anywidget
import traitlets

from anomalymatch_ui.app.scripts import joined
from anomalymatch_ui.errors import InputError

Choice = Literal["auto", "dark", "light"]

CHOICES = ("auto", "dark", "light")

ROOM = Path(__file__).parent

CSS = (ROOM / "theme.css").read_text("utf-8")
"""Every colour of the page as a CSS variable, dark and light."""


class Theme(anywidget.AnyWidget):  # type: ignore[misc]
    """A menu of themes, and the colours of the page.

    The theme is one for all dashboards of a page, also for what lies outside them.

    Attributes
    ----------
    choice
        ``"auto"``, ``"dark"`` or ``"light"``; a trait. ``"auto"`` follows JupyterLab's theme, and is dark
        where there is none. Set by a script or a person, the browser keeps it for the next visit; ``None``,
        as at first, takes what it has kept.
    shown
        ``"dark"`` or ``"light"``, as the browser has it; a trait.
    """

    _esm = joined(ROOM / "theme.js")
    _css = CSS

    choice = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    shown = traitlets.Enum(["dark", "light"], "dark").tag(sync=True)

    def __init__(self) -> None:
        super().__init__()
        self.add_class("am-theme-host")

    @traitlets.validate("choice")
    def _check_choice(self, proposal: Any) -> str | None:
        choice: str | None = proposal["value"]
        if choice is not None and choice not in CHOICES:
            raise InputError(f"There is no theme {choice!r}. Choose one of: {', '.join(CHOICES)}.")
        return choice
