"""Which image of the pool a row of a table means."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from anomalymatch_ui.labels.entries import LABELS, Label
from anomalymatch_ui.labels.table import LabelTable

_SHOWN = 3


@dataclass(frozen=True)
class ImportReport:
    """What became of a table's rows.

    Attributes
    ----------
    path
        The table.
    counts
        Number of images that got each label.
    unmatched
        File names that fit no image.
    ambiguous
        File names that fit several images, or an image that another row fits better or as well.
    duplicates, conflicts
        File names in several rows, and those of them with different labels.
    blanks
        Number of rows without a label.
    kept
        Images of which the table says otherwise than somebody who labelled them; their labels stay.
    """

    path: Path
    counts: Mapping[Label, int]
    unmatched: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    blanks: int = 0
    kept: tuple[str, ...] = ()

    def sentence(self) -> str:
        """Say it in one line, with the first few names."""
        counts = ", ".join(f"{count:,} {label}" for label, count in self.counts.items() if count)
        parts = [f"Labels from {self.path.name}: {counts or 'none that fits an image'}"]
        if self.unmatched:
            parts.append(f"{_count(self.unmatched, 'name')} without an image {_examples(self.unmatched)}")
        if self.ambiguous:
            parts.append(
                f"{_count(self.ambiguous, 'name')} left out as ambiguous {_examples(self.ambiguous)}"
            )
        if self.duplicates:
            parts.append(
                f"{_count(self.duplicates, 'name')} in several rows, the later counts "
                f"{_examples(self.duplicates)}"
            )
        if self.conflicts:
            parts.append(f"{len(self.conflicts):,} of them with different labels {_examples(self.conflicts)}")
        if self.kept:
            parts.append(
                f"{_count(self.kept, 'image')} labelled otherwise by somebody, which stays "
                f"{_examples(self.kept)}"
            )
        if self.blanks:
            parts.append(f"{self.blanks:,} row{'s' * (self.blanks != 1)} without a label")
        return "; ".join(parts) + "."


def match_labels(
    table: LabelTable, ids: Iterable[str]
) -> tuple[dict[str, Label], dict[str, dict[str, str]], ImportReport]:
    r"""Find the image that each row of a table means.

    A file name is taken as an image id; else with ``./`` and spaces around it removed, ``\`` read as
    ``/`` and letters with accents composed; else, where exactly one image fits, as an id seen from another
    folder: the end of an id (a bare file name, say), or a path that ends in an id. Nothing is guessed: a
    name that fits several images is left out, as are names that fit one image equally well.

    Parameters
    ----------
    table
        The labels.
    ids
        All image ids of the pool.

    Returns
    -------
    labels
        Label by image id.
    extras
        Other columns by image id, of rows without a label, too.
    report
        What became of the rows.
    """
    names = list(dict.fromkeys([*table.labels, *table.extras]))
    matches, ambiguous = match_names(names, list(ids))
    labels = {matches[name]: label for name, label in table.labels.items() if name in matches}
    extras = {matches[name]: dict(row) for name, row in table.extras.items() if name in matches}
    counted = Counter(labels.values())
    report = ImportReport(
        path=table.path,
        counts={label: counted[label] for label in LABELS},
        unmatched=tuple(name for name in table.labels if name not in matches and name not in ambiguous),
        ambiguous=tuple(name for name in table.labels if name in ambiguous),
        duplicates=table.duplicates,
        conflicts=table.conflicts,
        blanks=table.blanks,
    )
    return labels, extras, report


def match_names(names: list[str], ids: list[str]) -> tuple[dict[str, str], set[str]]:
    """Find the image that each file name means, as :func:`match_labels` does.

    Parameters
    ----------
    names
        File names, each once.
    ids
        All image ids of the pool.

    Returns
    -------
    matches
        Image id by file name.
    ambiguous
        The names that fit several images, or one image equally well.
    """
    known = set(ids)
    matches = {name: name for name in names if name in known}
    ambiguous: set[str] = set()
    for candidates_of in (_same_path, _same_end):
        rest = [name for name in names if name not in matches and name not in ambiguous]
        if not rest:
            break
        taken = set(matches.values())
        candidates = candidates_of(rest, ids)
        claims = Counter(next(iter(fitting)) for fitting in candidates.values() if len(fitting) == 1)
        for name, fitting in candidates.items():
            only = next(iter(fitting))
            if len(fitting) == 1 and only not in taken and claims[only] == 1:
                matches[name] = only
            else:
                ambiguous.add(name)
    return matches, ambiguous


def _same_path(names: list[str], ids: list[str]) -> dict[str, set[str]]:
    """Ids that are the same path, written differently."""
    by_path: dict[tuple[str, ...], set[str]] = {}
    for image_id in ids:
        by_path.setdefault(_parts(image_id), set()).add(image_id)
    return {name: by_path[parts] for name in names if (parts := _parts(name)) in by_path}


def _same_end(names: list[str], ids: list[str]) -> dict[str, set[str]]:
    """Ids that end in the name, or in which the name ends, at a folder boundary.

    One pass over the ends of the ids and one over the ends of the names: the time grows with their
    number and depth, not with the number of pairs.
    """
    parts_of_names = {name: _parts(name) for name in names}
    ids_ending_in: dict[tuple[str, ...], set[str]] = {parts: set() for parts in parts_of_names.values()}
    ids_at: dict[tuple[str, ...], set[str]] = {}
    for image_id in ids:
        parts = _parts(image_id)
        ids_at.setdefault(parts, set()).add(image_id)
        for end in _ends(parts):
            if end in ids_ending_in:
                ids_ending_in[end].add(image_id)
    candidates: dict[str, set[str]] = {}
    for name, parts in parts_of_names.items():
        fitting = set(ids_ending_in[parts])
        for end in _ends(parts):
            fitting |= ids_at.get(end, set())
        if fitting:
            candidates[name] = fitting
    return candidates


def _parts(path: str) -> tuple[str, ...]:
    # A Mac writes é as two characters, a table written elsewhere as one.
    same = unicodedata.normalize("NFC", path.strip()).replace("\\", "/")
    return tuple(part for part in same.split("/") if part not in ("", "."))


def _ends(parts: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    return (parts[start:] for start in range(len(parts)))


def _count(names: tuple[str, ...], noun: str) -> str:
    return f"{len(names):,} {noun}{'s' * (len(names) != 1)}"


def _examples(names: tuple[str, ...]) -> str:
    shown = [name.encode("utf-8", "backslashreplace").decode() for name in names[:_SHOWN]]
    return f"({', '.join(shown)}{', …' * (len(names) > _SHOWN)})"
