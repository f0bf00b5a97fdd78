"""``labels.csv`` in and out: columns ``filename,label``, and others that are kept."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.labels import csvtext
from anomalymatch_ui.labels.classes import Classes, ask, labels_of, listed
from anomalymatch_ui.labels.csvtext import printable
from anomalymatch_ui.labels.entries import LABELS, Label
from anomalymatch_ui.labels.spelling import looks_like_a_file

NAMES = ("filename", "id", "image", "file")
"""Columns that may name the images; the first that is there counts."""

SAYING = ("label", "class", "anomaly", "is_anomaly")
"""Columns that may say what an image is; the first that is there counts."""

_OF_OURS = {"rank", "id", "label"}
_COMPUTED = {
    "rank", "score", "probability", "probability_low", "probability_high", "novelty", "probability_when_seen",
    "annotator", "time", "cycle", "cutout", "tags", "note", "favourite", "interest",
}  # fmt: skip


@dataclass(frozen=True)
class LabelTable:
    """A table of labels as it stands in its file.

    Attributes
    ----------
    path
        The file.
    labels
        Label by file name, in the order of the file.
    extras
        Other columns by file name, as text; rows without a label included.
    blanks
        Number of rows without a label.
    duplicates
        File names that stand in more than one row; the later label counts.
    conflicts
        Those of them whose rows say different things.
    digest
        Digest of the file's content and of what its classes stand for, hexadecimal.
    notes
        What else there is to say of it, as parts of a sentence: how several annotators were made one, and
        what was left out.
    scores
        What another search said of images, by file name, in a column of its own.
    classes
        What its classes were said to stand for.
    """

    path: Path
    labels: Mapping[str, Label]
    extras: Mapping[str, Mapping[str, str]]
    blanks: int = 0
    duplicates: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    digest: str = ""
    notes: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    classes: Classes | None = None


def read_labels_csv(path: Path, classes: Classes | None = None) -> LabelTable:
    """Read a table with the columns ``filename`` and ``label``.

    ``id`` or ``image`` and ``class`` are taken, too. Column names and labels may be in any case, with spaces
    around them; ``normal`` is read as ``nominal``, and where a table holds only 0 and 1, 1 is an anomaly. The
    separator is the first of comma, semicolon and tab with which the header names both columns. Everything
    else is kept as the text it is, except in a ranking that this package wrote: what it computed is no news.

    Parameters
    ----------
    path
        The file.
    classes
        What its classes stand for. Rows of a class that is not named are left out then, and counted.

    Raises
    ------
    InputError
        If the file is missing, empty, not text, lacks a column, has a row that cannot be understood, or has
        classes of its own of which nobody has said what they stand for.
    """
    path = Path(path)
    return labels_of_csv(csvtext.read_content(path), path, classes)  # once, for a pipe gives it once


def labels_of_csv(content: bytes, path: Path, classes: Classes | None) -> LabelTable:
    """Read the content of a table; see :func:`read_labels_csv`."""
    text = csvtext.decoded(content, path)
    separator, header, filename_at, label_at = _columns(text, path)
    rows = list(csvtext.rows(text, separator, len(header), path))
    filename_at = _naming(header, filename_at, [row for _, row in rows])
    words = Counter(row[label_at].strip() for _, row in rows if row[label_at].strip())
    meaning = labels_of(words, classes)
    if classes is None and words and not any(meaning.values()):
        raise ask(words, path)
    ours = {name.strip().lower() for name in header} >= _OF_OURS
    extra_columns = {
        name: at
        for at, name in enumerate(csvtext.unique(header))
        if at not in (filename_at, label_at) and not (ours and name.strip().lower() in _COMPUTED)
    }
    labels: dict[str, Label] = {}
    extras: dict[str, dict[str, str]] = {}
    blanks = 0
    left_out: Counter[str] = Counter()
    seen: set[str] = set()
    duplicates: dict[str, None] = {}
    conflicts: dict[str, None] = {}
    for line, row in rows:
        filename, word = row[filename_at], row[label_at].strip()
        if not filename:
            raise InputError(f"Line {line} of {path} has no filename. Add it, or remove the line.")
        if word and word not in meaning:
            if classes is None:
                raise InputError(
                    f"Line {line} of {path} has the label {printable(word)!r}. Use one of: "
                    f"{', '.join(LABELS)}, leave it blank, or say what it stands for: "
                    f'--classes "{printable(word)}=nominal".'
                )
            left_out[word] += 1
        if filename in seen:
            duplicates[filename] = None
        seen.add(filename)
        label = meaning.get(word)
        if extra_columns and (label or not ours):
            extras[filename] = {name: row[at] for name, at in extra_columns.items()}
        if label is None:
            blanks += not word
            continue
        if labels.get(filename, label) != label:
            conflicts[filename] = None
        labels[filename] = label
    return LabelTable(
        path,
        labels,
        extras,
        blanks,
        tuple(duplicates),
        tuple(conflicts),
        digest_of(content, classes),
        left_out_note(left_out, "row", "rows"),
        classes=classes,
    )


def write_labels_csv(
    path: Path, view: Mapping[str, str], extras: Mapping[str, Mapping[str, str]] | None = None
) -> int:
    """Write labels as ``filename,label`` and the kept columns, sorted by file name.

    Parameters
    ----------
    path
        The file; replaced as a whole when it is there.
    view
        Label by image id.
    extras
        Other columns by image id; a column that an image lacks is left blank.

    Returns
    -------
    int
        Number of labels written.

    Raises
    ------
    StorageError
        If the disk refuses; then an older file stays as it was.
    """
    extras = extras or {}
    names = sorted(view)
    columns = list(dict.fromkeys(column for name in names for column in extras.get(name, ())))
    rows = [["filename", "label", *columns]]
    for name in names:
        kept = extras.get(name, {})
        rows.append([name, view[name], *(kept.get(column, "") for column in columns)])
    text = "".join(",".join(map(csvtext.quoted, row)) + "\n" for row in rows)
    write_bytes_atomically(Path(path), text.encode("utf-8", "surrogateescape"))
    return len(names)


def digest_of(content: bytes, classes: Classes | None) -> str:
    """Return what tells a table, and what its classes were said to stand for, from every other."""
    digest = hashlib.sha256(content)
    if classes is not None:
        digest.update(b"\0" + classes.text().encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def left_out_note(left_out: Counter[str], one: str, several: str) -> tuple[str, ...]:
    """Return the part of a sentence on classes that stand for no label; none if there are none."""
    number = left_out.total()
    if not number:
        return ()
    what = f"{number:,} {one if number == 1 else several} of classes that stand for no label"
    return (f"{what} ({listed(left_out)})",)


def _naming(header: Sequence[str], first: int, rows: Sequence[Sequence[str]]) -> int:
    """Return which column names the images: an ``id`` gives way to another that holds names of files.

    A table may have numbers of its own as ``id`` before ``image``.
    """
    names = [name.strip().lower() for name in header]
    if names[first] != "id":
        return first
    files = {
        at: sum(looks_like_a_file(row[at]) for row in rows)
        for at, name in enumerate(names)
        if at == first or name in NAMES
    }
    return max(files, key=lambda at: (files[at], at == first))


def _columns(text: str, path: Path) -> tuple[str, list[str], int, int]:
    """Return the separator, the column names, and which of them name the image and say what it is."""
    by_separator = csvtext.headers(text, path)
    for separator, header in by_separator.items():
        names = [name.strip().lower() for name in header]
        naming = next((name for name in NAMES if name in names), None)
        saying = next((name for name in SAYING if name in names and name != naming), None)
        if max(names.count(name) for name in ("filename", "label")) > 1:
            raise InputError(f"{path} has the column filename or label twice. Rename one of them.")
        if naming is not None and saying is not None:
            return separator, header, names.index(naming), names.index(saying)
    longest: list[str] = max(by_separator.values(), key=lambda names: len(names))
    found = " ".join(", ".join(longest).split())
    if len(found) > 200:
        found = f"{found[:200]}…"
    raise InputError(f"{path} needs the columns filename and label, but has: {printable(found)}.")
