"""The command that writes what a session has come to for a paper or the next tool."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from anomalymatch_ui.cli.options import KeptSession, Table, Top
from anomalymatch_ui.cli.output import Json, finish, given_path


def register(application: typer.Typer) -> None:
    """Add the command of this module."""
    application.command()(export)


def export(
    session: KeptSession,
    what: Annotated[
        Table,
        typer.Option(
            help="All images by rank, those with a label, or the anomalies among them; or what `anomalymatch "
            "completeness` measured: shares, or each painted object; or the selection function."
        ),
    ] = "ranking",
    out: Annotated[
        Path | None,
        typer.Option(help="The file; if not given, one in the current folder.", parser=given_path),
    ] = None,
    form: Annotated[
        Literal["csv", "ecsv", "votable", "fits", "parquet"] | None,
        typer.Option("--format", help="By the name of the file if not given, else csv."),
    ] = None,
    top: Top = None,
    cutouts: Annotated[
        Path | None,
        typer.Option(help="Write each image of the table as a PNG into this folder.", parser=given_path),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Write the images side by side into this PNG or PDF.", parser=given_path),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the ranking, the labels or the finds of a session, with positions, metadata and provenance."""
    from anomalymatch_ui.session import Session
    from anomalymatch_ui.session.outcome.results import counted
    from anomalymatch_ui.tables import SUFFIX_OF

    if out is None:
        form = form or "csv"
        out = Path(f"{session.resolve().name}-{what}{SUFFIX_OF[form]}")
    with Session.open(session, share=True) as opened:
        table = opened.results.write(out, what, form, top=top, cutouts=cutouts, sheet=sheet)
    for remark in table.remarks:
        print(remark, file=sys.stderr)
    print(f"{counted(table, what)} {'is' if len(table) == 1 else 'are'} in {out}.")
    finish(
        as_json,
        session=str(session),
        out=str(out),
        what=what,
        rows=len(table),
        columns=list(table.names),
        cutouts=None if cutouts is None else str(cutouts),
        sheet=None if sheet is None else str(sheet),
    )
