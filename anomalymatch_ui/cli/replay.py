"""The command that repeats a search from its journal."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from anomalymatch_ui.cli.options import KeptSession
from anomalymatch_ui.cli.output import Json, finish


def register(application: typer.Typer) -> None:
    """Add the command of this module."""
    application.command()(replay)


def replay(
    session: KeptSession,
    anew: Annotated[
        bool, typer.Option("--anew", help="Look at every image anew, which takes as long as at first.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Repeat the order of a session from its journal, and say whether it is the same."""
    from anomalymatch_ui.cli.progress import follow
    from anomalymatch_ui.session import Session

    with Session.open(session, share=True) as opened, follow(opened):
        told = opened.replays.replay(anew=anew)
    print(told.sentence())
    finish(as_json, session=str(session), **asdict(told), sentence=told.sentence())
