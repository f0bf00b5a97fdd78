"""Names of a package that are imported when they are first used, so that importing it stays fast."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make a package its ``__getattr__`` and ``__dir__`` (PEP 562).

    Parameters
    ----------
    package
        Its name. Its ``__all__`` is what ``dir`` lists.
    homes
        The module of each public name.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    return get, lambda: sorted(sys.modules[package].__all__)
