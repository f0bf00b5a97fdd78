"""The text of a CSV file: its header and its rows, with the line that an error is about."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from anomalymatch_ui.errors import InputError

SEPARATORS = (",", ";", "\t")


def read_content(path: Path) -> bytes:
    """Return the content of a file that a person gave as a table of labels.

    Raises
    ------
    InputError
        If it is missing, a folder, or may not be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"There is no table of labels {path}. Check the path.") from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder. Give the CSV file with the labels.") from error
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}. Check its permissions.") from error


def decoded(content: bytes, path: Path) -> str:
    """Return the text of a file, without a byte order mark.

    Raises
    ------
    InputError
        If it is no text, or empty.
    """
    if b"\0" in content:
        raise InputError(
            f"{path} is not a text file. Give a CSV file in UTF-8 with the columns filename,label."
        )
    # File names need not be UTF-8; their other bytes travel as Python carries them everywhere else.
    text = content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    if not text.strip():
        raise InputError(f"{path} is empty. It needs the columns filename,label.")
    return text


def headers(text: str, path: Path) -> dict[str, list[str]]:
    """Return the column names by each separator with which the first line might be written.

    Raises
    ------
    InputError
        If it cannot be parsed, as where it is no line of names at all.
    """
    first = ""
    with io.StringIO(text, newline="") as lines:
        while not first.strip():
            first = next(lines)
    try:
        return {separator: next(csv.reader([first], delimiter=separator)) for separator in SEPARATORS}
    except csv.Error as error:
        raise InputError(
            f"The first line of {path} cannot be read: {error}. Write the names there."
        ) from error


def rows(text: str, separator: str, width: int, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Return the number of the last line and the fields of every row that is not blank.

    Raises
    ------
    InputError
        If a row is longer than the header, or cannot be parsed.
    """
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


def quoted(field: str) -> str:
    """Return a field as it is written, in quotes where it needs them."""
    # csv.writer leaves a lone carriage return without quotes, and csv.reader then ends the row there.
    if any(character in field for character in ',"\r\n'):
        return '"' + field.replace('"', '""') + '"'
    return field


def unique(names: list[str]) -> list[str]:
    """Return the names with a number after each that was there before, so that no column is lost."""
    found: list[str] = []
    for name in names:
        candidate, number = name, 0
        while candidate in found:
            number += 1
            candidate = f"{name}.{number}"
        found.append(candidate)
    return found


def printable(text: str) -> str:
    """Return a text that any terminal takes."""
    return text.encode("utf-8", "backslashreplace").decode()
