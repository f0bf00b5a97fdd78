"""The dashboard in a notebook or in Voilà.

Names are imported when they are first used: what serves the page needs no dashboard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anomalymatch_ui.app.dashboard import Dashboard
    from anomalymatch_ui.app.error_page import ErrorPage
    from anomalymatch_ui.app.opening import launch

__all__ = ["Dashboard", "ErrorPage", "launch"]

_HOMES = {
    "Dashboard": "anomalymatch_ui.app.dashboard",
    "ErrorPage": "anomalymatch_ui.app.error_page",
    "launch": "anomalymatch_ui.app.opening",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its home on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
