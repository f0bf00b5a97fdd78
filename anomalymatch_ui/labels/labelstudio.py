"""Annotations as Label Studio exports them: JSON, JSON-MIN and CSV."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from anomalymatch_ui import jsontext
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import csvtext
from anomalymatch_ui.labels.consensus import Answer
from anomalymatch_ui.labels.naming import naming_field, text_of

_BESIDE = {
    "id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement",
}  # fmt: skip
_MARKS = {"annotator", "annotation_id", "lead_time"}
_CALLED = ("choice", "choices", "label", "labels", "class")


def is_label_studio(header: Sequence[str]) -> bool:
    """Return whether a table with these columns is an export of Label Studio."""
    return len(_MARKS & {name.strip().lower() for name in header}) >= 2


def label_studio_answers_of_csv(text: str, path: Path) -> list[Answer]:
    """Return the answers of a CSV or TSV export, one row an annotation.

    Raises
    ------
    InputError
        If a row cannot be parsed.
    """
    separator, header = max(csvtext.headers(text, path).items(), key=lambda found: len(found[1]))
    names = csvtext.unique([name.strip() for name in header])
    return _of_rows(
        [dict(zip(names, row, strict=False)) for _, row in csvtext.rows(text, separator, len(names), path)]
    )


def label_studio_answers_of_json(text: str, path: Path) -> list[Answer]:
    """Return the answers of a JSON or JSON-MIN export.

    Annotations that were skipped do not count, nor do predictions.

    Raises
    ------
    InputError
        If it is no list of tasks.
    """
    try:
        tasks = jsontext.parsed(text)
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}. Export the annotations again.") from error
    tasks = [tasks] if isinstance(tasks, dict) else tasks
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise InputError(f"{path} is not a list of tasks as Label Studio exports it.")
    if any(isinstance(task.get("data"), dict) for task in tasks):
        return _of_tasks([task for task in tasks if isinstance(task.get("data"), dict)])
    return _of_rows(tasks)


def _of_tasks(tasks: list[dict[str, Any]]) -> list[Answer]:
    field = naming_field([task["data"] for task in tasks])
    answers = []
    for task in tasks:
        name = text_of(task["data"].get(field, "")) if field is not None else ""
        name = name or text_of(task.get("file_upload"))
        about = _about(task["data"], field)
        given = task.get("annotations") or task.get("completions") or ()
        for annotation in given if isinstance(given, list) else ():
            if name and isinstance(annotation, dict) and not annotation.get("was_cancelled"):
                answers.append(Answer(name, _annotator(annotation), tuple(_results(annotation)), about))
    return answers


def _of_rows(rows: list[dict[str, Any]]) -> list[Answer]:
    given = [{name: value for name, value in row.items() if name.lower() not in _BESIDE} for row in rows]
    field = naming_field(given)
    if field is None:
        return []
    answers = []
    for row, fields in zip(rows, given, strict=True):
        name = text_of(fields.get(field))
        said = sorted(fields, key=lambda key: key.lower() not in _CALLED)  # stable: the others as they stand
        words = [word for key in said if key != field for word in _choices(fields[key])]
        who = text_of(row.get("annotator")) or text_of(row.get("annotation_id"))
        if name:
            answers.append(Answer(name, who, tuple(words), _about(fields, field, _CALLED)))
    return answers


def _about(data: Mapping[str, Any], naming: str | None, answers: Sequence[str] = ()) -> dict[str, str]:
    """Return what stands with an image, as text: all but its name, the answers, and lists and records."""
    texts = {
        key: text_of(value) for key, value in data.items() if key != naming and key.lower() not in answers
    }
    return {key: text for key, text in texts.items() if text}


def _annotator(annotation: Mapping[str, Any]) -> str:
    who = annotation.get("completed_by")
    if isinstance(who, dict):
        who = who.get("email") or who.get("id")
    return text_of(who) or f"annotation {text_of(annotation.get('id'))}"


def _results(annotation: Mapping[str, Any]) -> Iterator[str]:
    results = annotation.get("result")
    for result in results if isinstance(results, list) else ():
        if isinstance(result, dict) and isinstance(value := result.get("value"), dict):
            # A choice is kept under the name of its kind: choices, rating, taxonomy, rectanglelabels.
            yield from _choices(value.get(str(result.get("type"))))


def _choices(value: object) -> Iterator[str]:
    """Return the words of a cell: a choice, a list of them, or an object with one, perhaps as JSON text."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        with contextlib.suppress(ValueError, RecursionError):  # it may be a text that begins with a bracket
            value = jsontext.parsed(value)
    if isinstance(value, dict):
        value = value.get("choices", ())
    if isinstance(value, list):
        for item in value:
            yield from _choices(item)
    elif word := text_of(value):
        yield word
