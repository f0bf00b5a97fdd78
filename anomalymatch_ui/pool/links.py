"""Links that lead out of the folder of a pool.

They are read with the rights of who opens the pool, so that images from a stranger could show any file. The
setting ``pixels.follow_links`` allows it.
"""

from __future__ import annotations

import os

ALLOWED_BY = "outside its folder, which --follow-links allows"
"""How what is refused is told, at the end of a sentence fragment."""


def is_inside(path: str | os.PathLike[str], folder: str | os.PathLike[str]) -> bool:
    """Return whether a path, all links followed, lies below a folder."""
    base = os.path.realpath(folder)
    return os.path.realpath(path).startswith(base if base.endswith(os.sep) else base + os.sep)
