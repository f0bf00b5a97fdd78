"""The commands of a search without the dashboard: train, adapt, rank, and what it has come to."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anomalymatch_ui.cli.options import Images, KeptSession
from anomalymatch_ui.cli.output import LABELS_HELP, ClassesOption, Json, finish, given_path
from anomalymatch_ui.cli.pixels import PixelOptions, takes_pixels
from anomalymatch_ui.errors import InputError

if TYPE_CHECKING:
    from anomalymatch_ui.session import Session


def register(application: typer.Typer) -> None:
    """Add the commands of this module."""
    application.command()(train)
    application.command()(adapt)
    application.command()(rank)
    application.command()(report)


@takes_pixels
def train(
    images: Images,
    labels: Annotated[Path, typer.Option(help=LABELS_HELP)],
    session: Annotated[
        Path, typer.Option(help="Folder that keeps labels and models.", metavar="DIR", parser=given_path)
    ],
    iterations: Annotated[int | None, typer.Option(min=1, help="Steps of the cycle.")] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Named settings, such as paper; a session keeps its prevalence, symmetry and seed."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of everything drawn at random.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = None,
    classes: ClassesOption = None,
    *,
    pixels: PixelOptions,
    as_json: Json = False,
) -> None:
    """Train one cycle on a table of labels, then rank the images."""
    from anomalymatch_ui.cli.progress import follow
    from anomalymatch_ui.session import Session

    config = _config(session, preset, seed, device)
    with Session.open(session, images, labels, config=config, pixels=pixels, classes=classes) as opened:
        if opened.import_report is not None:
            print(opened.import_report.sentence(), file=sys.stderr)
        with follow(opened):
            opened.train(iterations, wait=True)
        status = opened.status
        print(f"Cycle {status.cycle} is done; `anomalymatch rank {session}` lists the order.")
        finish(as_json, session=str(session), **_summary(opened))


def adapt(
    images: Images,
    session: Annotated[
        Path, typer.Option(help="Folder that keeps labels and models.", metavar="DIR", parser=given_path)
    ],
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = None,
    as_json: Json = False,
) -> None:
    """Adapt the network to the images, which takes no label, then rank them by it."""
    from anomalymatch_ui.cli.progress import follow
    from anomalymatch_ui.session import Session

    config = _config(session, None, None, device)
    with Session.open(session, images, config=config) as opened:
        with follow(opened):
            opened.adapt(wait=True)
        print(f"The network is adapted to {opened.pool.name}; `anomalymatch rank {session}` lists the order.")
        finish(as_json, session=str(session), **_summary(opened))


def rank(
    session: KeptSession,
    top: Annotated[int | None, typer.Option(min=1, help="How many; all of them if not given.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write a table here instead of printing it.")] = None,
    as_json: Json = False,
) -> None:
    """List the images of a session from the most to the least likely anomaly."""
    from anomalymatch_ui.cli.progress import follow
    from anomalymatch_ui.files import write_bytes_atomically
    from anomalymatch_ui.session import Session

    with Session.open(session) as opened:
        if opened.status.read_only:
            print(f"{opened.status.read_only} This is the order that is kept there.", file=sys.stderr)
            if opened.ranking().version == 0:
                raise InputError(f"{session} keeps no order of its images, and none can be made there.")
        else:
            with follow(opened):
                opened.rank(wait=True)
        table = opened.ranking_table(top)
        if out is None:
            print(table.to_csv(index=False), end="")
        else:
            write_bytes_atomically(out, table.to_csv(index=False).encode())
            print(f"{len(table):,} images are in {out}.")
        finish(as_json, session=str(session), out=None if out is None else str(out), **_summary(opened))


def report(
    session: KeptSession,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Write it as one HTML file, too, with curves and pictures of the finds.", parser=given_path
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Finds with a picture in it.")] = 200,
    as_json: Json = False,
) -> None:
    """Say what a session has come to: labels, finds, and how far its annotators agree."""
    from anomalymatch_ui.session import Session

    with Session.open(session, share=True) as opened:
        told = opened.report()
        if html is not None:
            opened.write_report(html, top)
    print("\n".join(told.lines()))
    finish(as_json, **told.as_dict(), html=None if html is None else str(html))


def _config(session: Path, preset: str | None, seed: int | None, device: str | None) -> Any:
    """Return the session's settings, or a preset's for the same images, with the values asked for."""
    from anomalymatch_ui.config import Config
    from anomalymatch_ui.session.work.settings import configured

    saved = session / "config.toml"
    if os.path.exists(saved):  # unlike Path.exists, of a name too long it says no
        config = configured(Config.load(saved), {}, preset)
    else:
        config = Config.preset(preset or "default")
    values = {key: value for key, value in (("seed", seed), ("device", device)) if value is not None}
    config = config.with_values(**values)
    if device is not None:
        from anomalymatch_ui.learn import resolve_device

        resolve_device(device)  # before it is kept among the session's settings
    return config


def _summary(session: Session) -> dict[str, Any]:
    status, ranking = session.status, session.ranking()
    return {
        "images": status.counts.images,
        "anomalies": status.counts.anomaly,
        "nominals": status.counts.nominal,
        "unreadable": status.unreadable,
        "cycle": status.cycle,
        "ranked": len(ranking.order),
        "source": ranking.source,
    }
