"""The command that measures what a search misses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anomalymatch_ui.cli.options import KeptSession
from anomalymatch_ui.cli.output import Json, finish, given_path

Range = tuple[float, float]


def register(application: typer.Typer) -> None:
    """Add the command of this module."""
    application.command()(completeness)


def completeness(
    session: KeptSession,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            help="What to paint, once for each: arc, ring, tail, dust-lane, stamp; by default all but stamps"
        ),
    ] = None,
    stamps: Annotated[
        Path | None,
        typer.Option(
            help="Images of your own objects, painted as kind stamp.", metavar="IMAGES", parser=given_path
        ),
    ] = None,
    number: Annotated[int, typer.Option(min=1, help="Objects of each kind.")] = 100,
    first: Annotated[
        int | None,
        typer.Option(min=1, help="Images of the order that count as looked at; as many as were, or 100."),
    ] = None,
    signal_to_noise: Annotated[
        Range, typer.Option("--snr", help="Least and largest significance of an object.")
    ] = (5.0, 300.0),
    magnitudes: Annotated[
        Range | None,
        typer.Option("--magnitude", help="Brightest and faintest AB magnitude, instead; needs zero points."),
    ] = None,
    size: Annotated[Range, typer.Option(help="Smallest and largest size, as shares of the image's side.")] = (
        0.08,
        0.25,
    ),
    seeing: Annotated[float, typer.Option(min=0, help="Width of a star at half maximum, in pixels.")] = 2.5,
    gain: Annotated[
        float | None, typer.Option(help="Photons for one unit of the images; no noise of theirs without it.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Write the shares as a table here.", parser=given_path)
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw them into a PNG, PDF or SVG.", parser=given_path)
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure what a search misses: paint objects into its images, and look them up in its order."""
    from anomalymatch_ui.cli.progress import follow
    from anomalymatch_ui.evaluate.completeness_figure import plot_completeness
    from anomalymatch_ui.evaluate.figure import check_figure
    from anomalymatch_ui.session import Recipe, Session
    from anomalymatch_ui.session.outcome.recipe import KINDS, STAMP
    from anomalymatch_ui.tables import format_of

    kinds = tuple(dict.fromkeys(kind or (() if stamps else KINDS)))
    if stamps is not None and STAMP not in kinds:
        kinds = (*kinds, STAMP)
    recipe = Recipe(kinds, number, signal_to_noise, magnitudes, size, seeing, gain, seed)
    if out is not None:
        format_of(out)
    if plot is not None:
        check_figure(plot)
    with Session.open(session, share=True) as opened:
        with follow(opened):
            measured = opened.completeness.measure(recipe, first=first, stamps=stamps)
        if out is not None:
            opened.results.write(out, "completeness")
    if plot is not None:
        plot_completeness(measured, plot)
    print(measured.sentence())
    shares = {}
    for its in measured.kinds:
        share, low, high = measured.fraction(its)
        shares[its] = {"fraction": share, "low": low, "high": high}
    finish(
        as_json,
        session=str(session),
        painted=int((measured.places > 0).sum()),
        recovered=int(measured.recovered.sum()),
        first=measured.first,
        images=measured.images,
        shares=shares,
        out=None if out is None else str(out),
        plot=None if plot is None else str(plot),
        sentence=measured.sentence(),
    )
