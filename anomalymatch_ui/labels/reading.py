"""Labels of whatever kind of file: ours, AnomalyMatch's, Zooniverse's and Label Studio's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import csvtext
from anomalymatch_ui.labels.classes import Classes, ask, labels_of
from anomalymatch_ui.labels.consensus import Answer, consensus
from anomalymatch_ui.labels.labelstudio import (
    is_label_studio,
    label_studio_answers_of_csv,
    label_studio_answers_of_json,
)
from anomalymatch_ui.labels.peer import read_anomalymatch_session
from anomalymatch_ui.labels.table import LabelTable, digest_of, labels_of_csv, left_out_note
from anomalymatch_ui.labels.zooniverse import is_zooniverse, zooniverse_answers


def read_labels(path: Path, classes: str | Mapping[str, str] | Classes | None = None) -> LabelTable:
    """Read the labels of a table, of an export of Zooniverse or Label Studio, or of an AnomalyMatch session.

    What it is shows in its content. Of several annotators the label is what more than half of those who saw
    an image say, else ``unsure``.

    Parameters
    ----------
    path
        A CSV or JSON file, or the folder of a session of AnomalyMatch.
    classes
        What the classes of the table stand for, such as ``"ring=anomaly,*=nominal"``, where they are not
        ``anomaly``, ``nominal`` and ``unsure`` themselves.

    Raises
    ------
    InputError
        If it cannot be read, or has classes of its own of which nobody has said what they stand for.
    """
    path = Path(path)
    if classes is not None and not isinstance(classes, Classes):
        classes = Classes.of(classes)
    if path.is_dir():
        return read_anomalymatch_session(path, classes)
    content = csvtext.read_content(path)
    answers = _answers(content, path)
    if answers is None:
        return labels_of_csv(content, path, classes)
    words = Counter(answer.words[0] for answer in answers if answer.words)
    meaning = labels_of((word for answer in answers for word in answer.words), classes)
    if not words:
        raise InputError(f"{path} holds no answer about an image. Export it again, with annotations.")
    if classes is None and not any(meaning.values()):
        raise ask(words, path)
    agreed = consensus(answers, meaning)
    return LabelTable(
        path,
        agreed.labels,
        {answer.name: dict(answer.about) for answer in answers if answer.about},
        digest=digest_of(content, classes),
        notes=(*agreed.notes(), *left_out_note(agreed.wordless, "answer", "answers")),
        classes=classes,
    )


def _answers(content: bytes, path: Path) -> list[Answer] | None:
    """Return the answers of an export of several annotators; ``None`` of another table."""
    text = csvtext.decoded(content, path)
    if text.lstrip()[:1] in ("[", "{"):
        return label_studio_answers_of_json(text, path)
    headers = csvtext.headers(text, path)
    if is_zooniverse(headers[","]):
        return zooniverse_answers(text, path)
    if any(is_label_studio(header) for header in headers.values()):
        return label_studio_answers_of_csv(text, path)
    return None
