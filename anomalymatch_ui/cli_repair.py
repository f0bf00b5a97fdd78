"""The command that brings back the labels of a session whose journal is damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anomalymatch_ui.cli_output import Json, finish, given_path


def register(application: typer.Typer) -> None:
    """Add the command of this module."""
    application.command()(repair)


def repair(
    session: Annotated[
        Path, typer.Argument(help="Folder of a session.", metavar="SESSION", parser=given_path)
    ],
    as_json: Json = False,
) -> None:
    """Save every label that still holds of a damaged session, and say what was saved and what was not."""
    from anomalymatch_ui.session.repairing import repair_session

    repaired = repair_session(session)
    for sentence in repaired.sentences():
        print(sentence)
    finish(
        as_json,
        session=str(session),
        damaged=bool(repaired.set_aside),
        rows=repaired.rows,
        from_copy=repaired.from_copy,
        from_log=repaired.from_log,
        unproved=repaired.unproved,
        lost=list(repaired.lost),
        contradictory=list(repaired.contradictory),
        set_aside=[str(path) for path in repaired.set_aside],
    )
