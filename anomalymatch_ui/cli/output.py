"""What every command takes and promises: a path that is one; with ``--json`` one JSON object in the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from anomalymatch_ui.files import expanded

LABELS_HELP = (
    "A table with the columns filename,label; an export of Zooniverse or Label Studio; or the folder of a "
    "session of AnomalyMatch."
)
ClassesOption = Annotated[
    str | None,
    typer.Option(
        "--classes",
        help='What the classes of the labels stand for, such as "ring=anomaly,*=nominal"; asked for once.',
        metavar="CLASS=LABEL,…",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="End standard output with one JSON object.")]


def given_path(text: str) -> Path:
    """Read a path; a shell's variable that is not set gives none, which would mean the current folder.

    Raises
    ------
    typer.BadParameter
        If it is empty.
    """
    if not text:
        raise typer.BadParameter("the path is empty")
    return expanded(text)


def finish(as_json: bool, **result: Any) -> None:
    """Print the result of a command as JSON, if it was asked for."""
    if as_json:
        print(json.dumps(result))
