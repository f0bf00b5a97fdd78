"""The command that says how much of what there is a search has found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anomalymatch_ui.cli.options import KeptSession
from anomalymatch_ui.cli.output import Json, finish, given_path


def register(application: typer.Typer) -> None:
    """Add the command of this module."""
    application.command()(selection)


def selection(
    session: KeptSession,
    out: Annotated[Path | None, typer.Option(help="Write it as a table here.", parser=given_path)] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw it into a PNG, PDF or SVG.", parser=given_path)
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what share of all anomalies a search has found, and what going on would bring."""
    from anomalymatch_ui.evaluate.figure import check_figure
    from anomalymatch_ui.evaluate.selection_figure import plot_selection
    from anomalymatch_ui.session import Session
    from anomalymatch_ui.tables import format_of

    if out is not None:
        format_of(out)
    if plot is not None:
        check_figure(plot)
    with Session.open(session, share=True) as opened:
        now = opened.selection.now()
        if out is not None:
            opened.results.write(out, "selection")
    if plot is not None:
        plot_selection(now, plot)
    print(now.sentence())
    print(now.advice())
    shares = {
        by: {"fraction": _known(share.fraction), "low": _known(share.low), "high": _known(share.high)}
        for by in ("uniform sample", "forecast")
        for share in [now.share(by)]
    }
    finish(
        as_json,
        session=str(session),
        images=now.images,
        found=now.found,
        looked=int(now.discovery.looked[-1]),
        drawn=now.drawn[0],
        drawn_anomalies=now.drawn[1],
        drawn_unsure=now.unsure,
        shares=shares,
        sentence=now.sentence(),
        advice=now.advice(),
        out=None if out is None else str(out),
        plot=None if plot is None else str(plot),
    )


def _known(value: float) -> float | None:
    """Return a number that JSON has; it has no NaN."""
    return None if value != value else value
