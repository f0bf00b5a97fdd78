"""The dashboard in a notebook or in Voilà.

Names are imported when they are first used: what serves the page needs no dashboard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anomalymatch_ui.lazy import lazy_names

if TYPE_CHECKING:
    from anomalymatch_ui.app.dashboard import Dashboard
    from anomalymatch_ui.app.looking.look import Look
    from anomalymatch_ui.app.serving.error_page import ErrorPage
    from anomalymatch_ui.app.serving.opening import launch

__all__ = ["Dashboard", "ErrorPage", "Look", "launch"]

_HOMES = {
    "Dashboard": "anomalymatch_ui.app.dashboard",
    "Look": "anomalymatch_ui.app.looking.look",
    "ErrorPage": "anomalymatch_ui.app.serving.error_page",
    "launch": "anomalymatch_ui.app.serving.opening",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
