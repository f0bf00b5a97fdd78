"""The command that says what this machine has for the work, and ``--version``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from anomalymatch_ui._version import __version__
from anomalymatch_ui.cli.output import Json, finish

_MARKS = {"ok": "ok", "note": "note", "problem": "PROBLEM"}


def register(application: typer.Typer) -> None:
    """Add the command and the option of this module."""
    application.callback(help=application.info.help)(_options)
    application.command()(doctor)


def doctor(as_json: Json = False) -> None:
    """Say what this machine has for the work: device, engine, memory, disk, widgets; and what to do."""
    from anomalymatch_ui.app.serving.doctor import examine

    symptoms = []
    for symptom in examine():
        symptoms.append(symptom)
        print(f"{_MARKS[symptom.state]:8}{symptom.what}: {symptom.told}", flush=True)
    problems = sum(symptom.state == "problem" for symptom in symptoms)
    finish(as_json, problems=problems, symptoms=[asdict(symptom) for symptom in symptoms])
    if problems:
        raise typer.Exit(2)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"anomalymatch-ui {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and end."),
    ] = False,
) -> None:
    pass
