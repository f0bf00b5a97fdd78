"""The command that lets a session work on the best of an archive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anomalymatch_ui.cli.output import LABELS_HELP, ClassesOption, Json, finish, given_path
from anomalymatch_ui.cli.pixels import PixelOptions, takes_pixels

Session = Annotated[
    Path,
    typer.Option("--session", help="Folder that keeps labels and models.", metavar="DIR", parser=given_path),
]


def register(application: typer.Typer) -> None:
    """Add the command of this module."""
    application.command()(shortlist)


@takes_pixels
def shortlist(
    images: Annotated[
        Path,
        typer.Argument(
            help="The archive: a folder of images, or a file of them.", metavar="POOL", parser=given_path
        ),
    ],
    session: Session,
    scores: Annotated[
        Path | None,
        typer.Option(
            help="The --out folder of `anomalymatch score`; without it, no best.",
            metavar="DIR",
            parser=given_path,
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=0, help="How many of the highest scores.")] = 50_000,
    drawn: Annotated[
        int, typer.Option("--random", min=0, help="How many drawn from the whole archive.")
    ] = 10_000,
    labels: Annotated[Path | None, typer.Option(help=LABELS_HELP)] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw.")] = 0,
    classes: ClassesOption = None,
    *,
    pixels: PixelOptions,
    as_json: Json = False,
) -> None:
    """Let a session work on the best of an archive and a random share; its labels stay."""
    from anomalymatch_ui.pool import open_pool
    from anomalymatch_ui.score import Scores
    from anomalymatch_ui.session.labelling.shortlist import check_scores_of, make_shortlist

    pool = open_pool(images, **pixels)
    best: tuple[str, ...] = ()
    scored = None
    if scores is not None:
        with Scores(scores) as archive:
            check_scores_of(pool, archive.archive.manifest.pool, scores)
            best, scored = archive.top(top).ids, len(archive)
    made = make_shortlist(
        session, pool, best, drawn=drawn, labels=labels, scored=scored, seed=seed, classes=classes
    )
    pool.close()
    print(
        f"{len(made.ids):,} of {len(pool):,} images are on the shortlist of {session}: the best "
        f"{len(best):,}, {len(made.drawn):,} drawn, and those with a label. "
        f"`anomalymatch serve {images} --session {session}` opens it."
    )
    finish(
        as_json,
        session=str(session),
        images=len(made.ids),
        best=len(best),
        drawn=len(made.drawn),
        archive=made.archive_images,
        renewal=made.renewal,
    )
