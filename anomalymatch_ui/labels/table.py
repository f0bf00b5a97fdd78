"""``labels.csv`` in and out: columns ``filename,label``, and others that are kept."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.labels.entries import LABELS, Label

_SEPARATORS = (",", ";", "\t")
_MEANINGS: dict[str, Label] = {**{label: label for label in LABELS}, "normal": "nominal"}


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
        Of the file's content, hexadecimal.
    """

    path: Path
    labels: Mapping[str, Label]
    extras: Mapping[str, Mapping[str, str]]
    blanks: int = 0
    duplicates: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    digest: str = ""


def read_labels_csv(path: Path) -> LabelTable:
    """Read a table with the columns ``filename`` and ``label``.

    Column names and labels may be in any case, with spaces around them; ``normal`` is read as
    ``nominal``. The separator is the first of comma, semicolon and tab with which the header names both
    columns. Everything else is kept as the text it is.

    Raises
    ------
    InputError
        If the file is missing, empty, not text, lacks a column, or has a row that cannot be understood.
    """
    path = Path(path)
    content = _read(path)  # once, for a pipe gives it once
    text = _decoded(content, path)
    separator, header = _read_header(text, path)
    names = [name.strip().lower() for name in header]
    filename_at, label_at = names.index("filename"), names.index("label")
    extra_columns = {name: at for at, name in enumerate(_unique(header)) if at not in (filename_at, label_at)}
    labels: dict[str, Label] = {}
    extras: dict[str, dict[str, str]] = {}
    blanks = 0
    seen: set[str] = set()
    duplicates: dict[str, None] = {}
    conflicts: dict[str, None] = {}
    for line, row in _rows(text, separator, len(header), path):
        filename = row[filename_at]
        if not filename:
            raise InputError(f"Line {line} of {path} has no filename. Add it, or remove the line.")
        if filename in seen:
            duplicates[filename] = None
        seen.add(filename)
        if extra_columns:
            extras[filename] = {name: row[at] for name, at in extra_columns.items()}
        label = _read_label(row[label_at], line, path)
        if label is None:
            blanks += 1
            continue
        if labels.get(filename, label) != label:
            conflicts[filename] = None
        labels[filename] = label
    digest = hashlib.sha256(content).hexdigest()
    return LabelTable(path, labels, extras, blanks, tuple(duplicates), tuple(conflicts), digest)


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
    text = "".join(",".join(map(_quoted, row)) + "\n" for row in rows)
    write_bytes_atomically(Path(path), text.encode("utf-8", "surrogateescape"))
    return len(names)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"There is no table of labels {path}. Check the path.") from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder. Give the CSV file with the labels.") from error
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}. Check its permissions.") from error


def _decoded(content: bytes, path: Path) -> str:
    if b"\0" in content:
        raise InputError(
            f"{path} is not a text file. Give a CSV file in UTF-8 with the columns filename,label."
        )
    # File names need not be UTF-8; their other bytes travel as Python carries them everywhere else.
    text = content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    if not text.strip():
        raise InputError(f"{path} is empty. It needs the columns filename,label.")
    return text


def _read_header(text: str, path: Path) -> tuple[str, list[str]]:
    """Return the separator and the column names."""
    first = ""
    with io.StringIO(text, newline="") as lines:
        while not first.strip():
            first = next(lines)
    headers = [next(csv.reader([first], delimiter=separator)) for separator in _SEPARATORS]
    for separator, header in zip(_SEPARATORS, headers, strict=True):
        names = [name.strip().lower() for name in header]
        counts = [names.count(required) for required in ("filename", "label")]
        if max(counts) > 1:
            raise InputError(f"{path} has the column filename or label twice. Rename one of them.")
        if min(counts) == 1:
            return separator, header
    longest = max(headers, key=lambda header: len(header))
    found = ", ".join(longest)
    if len(found) > 200:
        found = f"{found[:200]}…"
    raise InputError(f"{path} needs the columns filename and label, but has: {_printable(found)}.")


def _rows(text: str, separator: str, width: int, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Return the number of the last line and the fields of every row that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header_passed = False
    try:
        for row in reader:
            if not any(field.strip() for field in row):
                continue
            if not header_passed:
                header_passed = True
                continue
            if any(row[width:]):
                raise InputError(
                    f"Line {reader.line_num} of {path} has {len(row)} fields, but the header names {width}. "
                    "Put quotes around a field that contains the separator."
                )
            yield reader.line_num, row + [""] * (width - len(row))
    except csv.Error as error:
        raise InputError(f"Line {reader.line_num} of {path} cannot be read: {error}. Correct it.") from error


def _read_label(text: str, line: int, path: Path) -> Label | None:
    value = text.strip().lower()
    if not value:
        return None
    if value not in _MEANINGS:
        raise InputError(
            f"Line {line} of {path} has the label {_printable(text)!r}. "
            f"Use one of: {', '.join(LABELS)}, or leave it blank."
        )
    return _MEANINGS[value]


def _quoted(field: str) -> str:
    # csv.writer leaves a lone carriage return without quotes, and csv.reader then ends the row there.
    if any(character in field for character in ',"\r\n'):
        return '"' + field.replace('"', '""') + '"'
    return field


def _unique(names: list[str]) -> list[str]:
    """Names with a number after each that was there before, so that no column is lost."""
    unique: list[str] = []
    for name in names:
        candidate, number = name, 0
        while candidate in unique:
            number += 1
            candidate = f"{name}.{number}"
        unique.append(candidate)
    return unique


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
