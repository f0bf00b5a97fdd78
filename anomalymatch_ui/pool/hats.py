"""Which Parquet files of a HATS catalogue hold its objects, each once.

References
----------
.. [1] IVOA Note, HATS: Hierarchical Adaptive Tiling Scheme, 2025: a catalogue has its partitions below
   ``dataset``; a margin repeats the objects near the border of each partition of another catalogue
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_PARTITION = re.compile(r"(.*?)dataset/Norder=\d+/")
_PROPERTIES = ("hats.properties", "properties")
_OBJECTS = ("object", "nested", "")
"""Kinds of catalogues whose rows are objects; others are margins, indexes, associations and maps."""


def objects_once(root: Path, names: Sequence[str], skipped: dict[str, str]) -> list[str]:
    """Return the files whose rows are a catalogue's objects; all of them where this is no HATS catalogue.

    Parameters
    ----------
    root
        Folder that was listed.
    names
        Parquet files below it, relative, with ``/``.
    skipped
        Gets name -> reason of each catalogue, and each file of a catalogue, that is passed over.
    """
    partitions = {name: found[1] for name in names if (found := _PARTITION.match(name))}
    if not partitions:
        return list(names)
    kept: list[str] = []
    kinds = {catalogue: _kind(root / catalogue) for catalogue in set(partitions.values())}
    for catalogue, kind in kinds.items():
        if kind not in _OBJECTS:
            skipped[catalogue or "."] = f"the {kind} catalogue of another one, whose objects it repeats"
    for name in names:
        if name not in partitions:
            skipped[name] = "not one of the partitions of the HATS catalogue"
        elif kinds[partitions[name]] in _OBJECTS:
            kept.append(name)
    return kept


def _kind(catalogue: Path) -> str:
    """Return what a catalogue says it is, in small letters; empty if it says nothing."""
    for name in _PROPERTIES:
        try:
            text = (catalogue / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        found = re.search(r"^\s*dataproduct_type\s*[=:]\s*(\w+)", text, re.MULTILINE)
        return found[1].casefold() if found else ""
    return ""
