"""A pool that was closed."""

from __future__ import annotations

from pathlib import Path


class PoolClosedError(ValueError):
    """A pool that was closed is asked for an image: a fault of the program, not of the image."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__("the pool is closed" if path is None else f"the pool {path} is closed")
