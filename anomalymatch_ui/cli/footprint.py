"""The command that tells where on the sky the images of a session are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anomalymatch_ui.cli.options import KeptSession
from anomalymatch_ui.cli.output import Json, finish, given_path


def register(application: typer.Typer) -> None:
    """Add the command of this module."""
    application.command()(footprint)


def footprint(
    session: KeptSession,
    radius: Annotated[
        float | None,
        typer.Option(help="Seconds of arc within which images are at one place; the setting if not given."),
    ] = None,
    side: Annotated[
        float | None,
        typer.Option(help="Side of an image in seconds of arc; looked up in some images if not given."),
    ] = None,
    cell: Annotated[float, typer.Option(help="Side of the cells of the sky to count, degrees.")] = 0.5,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the images of places with more than one here.", parser=given_path),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how much of the sky the images cover, and which of them are of one place."""
    from anomalymatch_ui.session import Session, measure_footprint
    from anomalymatch_ui.tables import format_of, write_table

    form = None if out is None else format_of(out, None)
    with Session.open(session, share=True) as opened:
        told = measure_footprint(opened, radius, side=side, cell=cell)
    if out is not None and form is not None:
        write_table(out, told.duplicates, form)
    print(told.sentence())
    finish(
        as_json,
        session=str(session),
        images=told.images,
        placed=told.placed,
        ra=told.ra,
        dec=told.dec,
        cell=told.cell,
        cells=told.cells,
        area=told.area,
        side=told.side,
        covered=told.covered,
        overlapping=told.overlapping,
        radius=told.radius,
        places=len(told.groups),
        together=told.together,
        most=told.most,
        differing=told.differing,
        sentence=told.sentence(),
        out=None if out is None else str(out),
    )
