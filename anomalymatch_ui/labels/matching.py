"""Which image of the pool a row of a table means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from anomalymatch_ui.labels.entries import LABELS, Label
from anomalymatch_ui.labels.peer import SCORE_COLUMN
from anomalymatch_ui.labels.spelling import EXACT_STEPS, LOOSE_STEPS
from anomalymatch_ui.labels.table import LabelTable
from anomalymatch_ui.wording import counted

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
        Images of which the table says otherwise than somebody who labelled them, or than another table that
        came later; their labels stay.
    respelled
        Image id by file name, of names that are spelled differently from the image they were taken for.
    withdrawn
        Images that lost their label, since an earlier version of the same table gave it and this one does
        not.
    example
        An image id, to show beside a file name where no name fits.
    notes
        What else there is to say of the table; see :class:`~anomalymatch_ui.labels.LabelTable`.
    """

    path: Path
    counts: Mapping[Label, int]
    unmatched: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    blanks: int = 0
    kept: tuple[str, ...] = ()
    respelled: Mapping[str, str] = field(default_factory=dict)
    withdrawn: tuple[str, ...] = ()
    example: str = ""
    notes: tuple[str, ...] = ()

    def sentence(self) -> str:
        """Return it in one line, with the first few names."""
        counts = ", ".join(f"{count:,} {label}" for label, count in self.counts.items() if count)
        fits = bool(counts or self.kept or self.withdrawn)
        parts = [f"Labels from {self.path.name}: {counts or ('no new label' if fits else self._misfit())}"]
        if self.respelled:
            pairs = tuple(f"{name} for {image_id}" for name, image_id in self.respelled.items())
            parts.append(f"{_count(pairs, 'name')} spelled differently from the image {_examples(pairs)}")
        if self.unmatched and fits:
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
        if self.withdrawn:
            parts.append(
                f"{_count(self.withdrawn, 'label')} withdrawn, which an earlier version of this table gave "
                f"{_examples(self.withdrawn)}"
            )
        if self.blanks:
            parts.append(f"{counted(self.blanks, 'row')} without a label")
        parts.extend(self.notes)
        return "; ".join(parts) + "."

    def _misfit(self) -> str:
        """Return why no label was taken, with an example of either side."""
        if not self.unmatched:
            return "none that fits an image"
        only = len(self.unmatched) == 1
        names = (
            "the name fits no image" if only else f"none of the {len(self.unmatched):,} names fits an image"
        )
        return f"{names} {_examples(self.unmatched)}; the images are named like {_printable(self.example)}"


def match_labels(
    table: LabelTable, ids: Iterable[str]
) -> tuple[dict[str, Label], dict[str, dict[str, str]], ImportReport]:
    r"""Find the image that each row of a table means.

    A file name is taken as an image id; else with ``./`` and spaces around it removed, ``\`` read as
    ``/`` and letters with accents composed; else, where exactly one image fits, as an id seen from another
    folder: the end of an id (a bare file name, say), or a path that ends in an id; else, where exactly one
    image fits, as one that is spelled differently: within a web address, behind the prefix of an upload, in
    other case, or with another extension or none. Nothing is guessed: a name that fits several images is
    left out, as are names that fit one image equally well.

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
    ids = list(ids)
    matches, ambiguous, respelled = match_names(names, ids)
    labels = {matches[name]: label for name, label in table.labels.items() if name in matches}
    extras = {matches[name]: dict(row) for name, row in table.extras.items() if name in matches}
    # On their own: the same image may be named otherwise there, and a label is worth more than a score.
    scored, *_ = match_names(list(table.scores), ids)
    for name, image_id in scored.items():
        extras.setdefault(image_id, {})[SCORE_COLUMN] = f"{table.scores[name]:.6g}"
    counted = Counter(labels.values())
    report = ImportReport(
        path=table.path,
        counts={label: counted[label] for label in LABELS},
        unmatched=tuple(name for name in table.labels if name not in matches and name not in ambiguous),
        ambiguous=tuple(name for name in table.labels if name in ambiguous),
        duplicates=table.duplicates,
        conflicts=table.conflicts,
        blanks=table.blanks,
        respelled={name: matches[name] for name in table.labels if name in respelled},
        example=ids[0] if ids else "",
        notes=table.notes,
    )
    return labels, extras, report


def match_names(names: list[str], ids: list[str]) -> tuple[dict[str, str], set[str], set[str]]:
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
    respelled
        The names among the matches that are spelled differently from the image.
    """
    known = set(ids)
    matches = {name: name for name in names if name in known}
    ambiguous: set[str] = set()
    respelled: set[str] = set()
    for candidates_of in (*EXACT_STEPS, *LOOSE_STEPS):
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
                if candidates_of in LOOSE_STEPS:
                    respelled.add(name)
            else:
                ambiguous.add(name)
    return matches, ambiguous, respelled


def _count(names: tuple[str, ...], noun: str) -> str:
    return counted(len(names), noun)


def _examples(names: tuple[str, ...]) -> str:
    shown = [_printable(name) for name in names[:_SHOWN]]
    return f"({', '.join(shown)}{', …' * (len(names) > _SHOWN)})"


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()
