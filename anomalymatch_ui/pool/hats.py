"""Which Parquet files of a HATS catalogue hold its objects, each once.

References
----------
.. [1] IVOA Note, HATS: Hierarchical Adaptive Tiling Scheme, 2025: a catalogue has its partitions below
   ``dataset``; a margin repeats the objects near the border of each partition of another catalogue
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from anomalymatch_ui.pool.links import ALLOWED_BY, is_inside

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


def partitions_of(root: Path, *, follow_links: bool = False) -> tuple[list[Path], dict[str, str]]:
    """Return the Parquet files with the objects of a HATS catalogue, or of the main one of a collection.

    None where a folder is neither, or its rows are no objects.

    Parameters
    ----------
    root
        The folder.
    follow_links
        Whether to read what a link leads to outside of it.

    Returns
    -------
    list
        The files.
    dict
        Path from ``root`` -> reason, of those that are passed over.
    """
    top = root
    collection = _property(root / "collection.properties", "hats_primary_table_url")
    if collection and Path(collection).name == collection:
        root = root / collection
    if not any(os.path.isfile(root / name) for name in _PROPERTIES) or _kind(root) not in _OBJECTS:
        return [], {}
    files = sorted((root / "dataset").rglob("*.parquet"))
    partitions = [file for file in files if _PARTITION.match(file.relative_to(root).as_posix())]
    kept = [file for file in partitions if follow_links or is_inside(file, top)]
    outside = set(partitions).difference(kept)
    reason = f"a link to what lies {ALLOWED_BY}"
    return kept, {file.relative_to(top).as_posix(): reason for file in sorted(outside)}


def _kind(catalogue: Path) -> str:
    """Return what a catalogue says it is, in small letters; empty if it says nothing."""
    for name in _PROPERTIES:
        if os.path.isfile(catalogue / name):
            return _property(catalogue / name, "dataproduct_type").casefold()
    return ""


def _property(path: Path, key: str) -> str:
    """Return a value of a file of properties; empty if there is none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = re.search(rf"^\s*{key}\s*[=:]\s*(\S+)", text, re.MULTILINE)
    return found[1] if found else ""
