"""Scripts of the page: ES modules beside the Python they serve, joined into the one that anywidget loads."""

from __future__ import annotations

import os
import re
from pathlib import Path

APP = Path(__file__).parent
"""Where the rooms of the dashboard lie, each with its scripts and styles."""

_IMPORT = re.compile(r'^import \{[^}]*\} from "(\.\.?/[\w./-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:const|let|function|class)\b)", re.MULTILINE)


def joined(entry: Path) -> str:
    """Join a module and those it imports, from any folder, into one module without imports.

    anywidget hands the browser one module as text, from which a relative import leads nowhere. The parts
    come in the order in which they need one another and share one scope, so their top-level names must
    differ. Only ``import { … } from "./part.js"`` is understood, or ``"../room/part.js"`` for a part of
    another folder; a name cannot be changed on import.

    Parameters
    ----------
    entry
        The module whose default export the widget is.

    Returns
    -------
    str
        The module.

    Raises
    ------
    FileNotFoundError
        If a module imports one that is not there.
    ValueError
        If two modules have a top-level name in common, or one imports in another way.
    """
    entry = entry.resolve()
    parts: dict[Path, str] = {}
    _collect(entry, parts)
    _check_names({os.path.relpath(path, entry.parent): source for path, source in parts.items()})
    return "\n".join(parts.values())


def _collect(path: Path, parts: dict[Path, str]) -> None:
    source = path.read_text(encoding="utf-8")
    parts[path] = ""  # so that two that import each other come to an end
    for match in _IMPORT.finditer(source):
        part = (path.parent / match[1]).resolve()
        if part not in parts:
            _collect(part, parts)
    source = _IMPORT.sub("", source)
    if "\nimport " in f"\n{source}":
        raise ValueError(f'{path.name} imports in a way other than import {{ … }} from "./part.js".')
    del parts[path]  # after those it needs
    parts[path] = _EXPORT.sub("", source)


def _check_names(parts: dict[str, str]) -> None:
    owner: dict[str, str] = {}
    for part, source in parts.items():
        for name in re.findall(r"^(?:async )?(?:const|let|function|class) (\w+)", source, re.MULTILINE):
            if name in owner:
                raise ValueError(f"{name} is declared by both {owner[name]} and {part}.")
            owner[name] = part
