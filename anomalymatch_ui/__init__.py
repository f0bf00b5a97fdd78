"""Find the rare objects in archives of images.

Everything public is here: open a pool of images with :func:`open_pool`, work on it through a
:class:`Session`, or :func:`launch` the dashboard in a notebook. Names are imported when they are
first used, so that ``import anomalymatch_ui`` stays fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anomalymatch_ui._version import __version__
from anomalymatch_ui.lazy import lazy_names

if TYPE_CHECKING:
    from anomalymatch_ui.app import launch
    from anomalymatch_ui.config import Config
    from anomalymatch_ui.pool import open_pool
    from anomalymatch_ui.session import Session

__all__ = ["Config", "Session", "__version__", "launch", "open_pool"]

_HOMES = {
    "Config": "anomalymatch_ui.config",
    "Session": "anomalymatch_ui.session",
    "launch": "anomalymatch_ui.app",
    "open_pool": "anomalymatch_ui.pool",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
