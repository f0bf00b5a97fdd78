"""The command that looks images up among known objects."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from anomalymatch_ui.cli.options import KeptSession
from anomalymatch_ui.cli.output import Json, finish, given_path


def register(application: typer.Typer) -> None:
    """Add the command of this module."""
    application.command()(crossmatch)


def crossmatch(
    session: KeptSession,
    table: Annotated[
        Path | None,
        typer.Argument(
            help="Known objects with positions: CSV, ECSV, VOTable, FITS or Parquet.",
            metavar="[TABLE]",
            parser=given_path,
        ),
    ] = None,
    service: Annotated[
        str | None,
        typer.Option(
            help="Ask an archive over the network instead: simbad, ned, or vizier:CATALOGUE.", metavar="NAME"
        ),
    ] = None,
    radius: Annotated[float, typer.Option(help="Seconds of arc between an image and an object.")] = 2.0,
    what: Annotated[
        Literal["ranking", "labels", "found"],
        typer.Option(help="Which images: the anomalies, those with a label, or all by rank."),
    ] = "found",
    top: Annotated[int | None, typer.Option(min=1, help="The first of them; all if not given.")] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Column of the table that names the objects; the likeliest if not given."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Look images up among known objects, of a table or of SIMBAD, NED or VizieR."""
    from anomalymatch_ui.session import Session

    with Session.open(session, share=True) as opened:
        told = opened.crossmatch(table, radius, service=service, what=what, top=top, name=name)
    print(told.sentence())
    if told.matched:
        print(f"`anomalymatch export {session} --what {what}` has them as known, known_separation, known_in.")
    finish(as_json, session=str(session), **asdict(told), sentence=told.sentence())
