"""Find the rare objects in archives of images.

Everything public is here: open a pool of images with :func:`open_pool`, work on it through a
:class:`Session`, or :func:`launch` the dashboard in a notebook. Names are imported when they are
first used, so that ``import anomalymatch_ui`` stays fast.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from anomalymatch_ui._version import __version__
from anomalymatch_ui.lazy import lazy_names

if TYPE_CHECKING:
    from anomalymatch_ui.app import launch
    from anomalymatch_ui.config import Config
    from anomalymatch_ui.pool import open_pool
    from anomalymatch_ui.session import Session

# Threads of torch and scikit-learn that wait for each other sleep instead of spinning. On idle cores that
# costs a fifth (0.68 s a training step for 0.56 s); beside busy programs spinning took over 3 s for 0.9 s
# (docs/benchmark.md). It is read when those libraries are loaded, so it is set here, before; a user's own
# choice stands.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Tensors of 2 MB and more lie in pages of that size, where Linux leaves it to programs to ask for them: a
# training step gives back and takes anew 400 MB, 100,000 pages of the usual size (docs/benchmark.md).
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

__all__ = ["Config", "Session", "__version__", "launch", "open_pool"]

_HOMES = {
    "Config": "anomalymatch_ui.config",
    "Session": "anomalymatch_ui.session",
    "launch": "anomalymatch_ui.app",
    "open_pool": "anomalymatch_ui.pool",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
