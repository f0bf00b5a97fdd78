"""The commands that bring back a session's labels from a damaged journal, its images from another place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anomalymatch_ui.cli.options import KeptSession
from anomalymatch_ui.cli.output import Json, finish, given_path


def register(application: typer.Typer) -> None:
    """Add the command of this module."""
    application.command()(repair)
    application.command()(relink)


def repair(
    session: KeptSession,
    as_json: Json = False,
) -> None:
    """Save every label that still holds of a damaged session, and say what was saved and what was not."""
    from anomalymatch_ui.session.mending.repairing import repair_session

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
        end=repaired.end,
        unsaved=list(repaired.unsaved),
    )


def relink(
    session: KeptSession,
    pool: Annotated[
        Path, typer.Argument(help="Where its images lie now.", metavar="POOL", parser=given_path)
    ],
    as_json: Json = False,
) -> None:
    """Tell a session where its images lie now, though some of them are gone or were saved anew."""
    from anomalymatch_ui.session.mending.relinking import relink_session

    told = relink_session(session, pool)
    print(f"The session {session} goes on with the {told.images:,} images in {pool}.")
    if told.changed:
        print(told.changed)
    print(f"{told.found:,} of the {told.labelled:,} labelled images are there.")
    finish(
        as_json,
        session=str(session),
        pool=str(pool),
        images=told.images,
        changed=told.changed,
        labelled=told.labelled,
        found=told.found,
    )
