"""Classifications as Zooniverse exports them: a CSV file with JSON in its cells, one row a classification."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from anomalymatch_ui import jsontext
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import csvtext
from anomalymatch_ui.labels.consensus import Answer
from anomalymatch_ui.labels.naming import naming_field, text_of

_NEEDED = ("annotations", "subject_data")


def is_zooniverse(header: list[str]) -> bool:
    """Return whether a table with these columns is an export of classifications."""
    return set(_NEEDED) <= {name.strip().lower() for name in header}


def zooniverse_answers(text: str, path: Path) -> list[Answer]:
    """Return the answers to the questions of all workflows.

    An image is named by that field of its subject's metadata which holds a file name, or is called like one;
    else by the number of the subject. Drawings and other answers that are no words are passed over.

    Raises
    ------
    InputError
        If a row cannot be parsed.
    """
    header = [name.strip().lower() for name in csvtext.headers(text, path)[","]]
    parsed = list(_classifications(text, header, path))
    field = naming_field([subject for _, _, subject, _ in parsed])
    answers = []
    for number, annotator, subject, said in parsed:
        name = text_of(subject.get(field, "")) if field is not None else ""
        answers.append(Answer(name or number, annotator, tuple(_words(said))))
    return answers


def _classifications(
    text: str, header: list[str], path: Path
) -> Iterator[tuple[str, str, dict[str, Any], list[Any]]]:
    """Return the subject's number and metadata, the annotator and the annotations of each row."""
    for line, row in csvtext.rows(text, ",", len(header), path):
        cells = dict(zip(header, row, strict=False))
        try:
            annotations, subjects = (jsontext.parsed(cells[name] or "null") for name in _NEEDED)
        except ValueError as error:
            raise InputError(
                f"Line {line} of {path} holds annotations or subject data that are no JSON: {error}. "
                "Export the classifications again."
            ) from error
        number, subject = _subject(subjects, cells.get("subject_ids", ""))
        annotator = cells.get("user_name") or cells.get("user_id") or f"line {line}"
        yield number, annotator, subject, annotations if isinstance(annotations, list) else []


def _subject(subjects: object, number: str) -> tuple[str, dict[str, Any]]:
    """Return the number and the metadata of the one subject that a row is about."""
    if not isinstance(subjects, dict):
        return number.strip(), {}
    own = subjects.get(number.strip())
    if own is None and len(subjects) == 1:
        number, own = next(iter(subjects.items()))
    # `retired` tells of the workflow, not of the image.
    kept = {name: value for name, value in own.items() if name != "retired"} if isinstance(own, dict) else {}
    return number.strip(), kept


def _words(annotations: list[Any]) -> Iterator[str]:
    """Return what was answered: a choice, several choices, and those of tasks within a task."""
    for annotation in annotations:
        value = annotation.get("value") if isinstance(annotation, dict) else annotation
        if isinstance(value, list):
            yield from _words(value)
        elif isinstance(value, dict):
            yield from _words([value])
        elif word := text_of(value):
            yield word
        elif isinstance(value, bool):
            yield str(value).lower()
