"""The command that sends results to other programs of the machine."""

from __future__ import annotations

from typing import Annotated

import typer

from anomalymatch_ui.cli.options import KeptSession, Table, Top
from anomalymatch_ui.cli.output import Json, finish
from anomalymatch_ui.errors import InputError


def register(application: typer.Typer) -> None:
    """Add the command of this module."""
    application.command()(send)


def send(
    session: KeptSession,
    what: Annotated[
        Table,
        typer.Option(help="Which table, as export has it."),
    ] = "found",
    top: Top = None,
    as_json: Json = False,
) -> None:
    """Send a table of results to TOPCAT, Aladin or DS9, by SAMP."""
    from anomalymatch_ui.session import Session

    with Session.open(session, share=True) as opened:
        sent = opened.samp.send(what, top, start_hub=False)  # it would end with this command
    if not sent.received:
        raise InputError(sent.sentence())
    print(sent.sentence())
    finish(
        as_json,
        session=str(session),
        what=what,
        out=str(sent.path),
        received=list(sent.received),
        failed=sent.failed,
    )
