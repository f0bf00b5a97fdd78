"""Where what was simulated or downloaded is kept between runs."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(name: str) -> Path:
    """Return a folder in the user's cache (``XDG_CACHE_HOME``, else ``~/.cache``); it need not exist yet."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    cache = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return cache / "anomalymatch-ui" / name
