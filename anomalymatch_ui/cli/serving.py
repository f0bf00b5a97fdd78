"""The commands that open the dashboard: on a person's images, or on a survey to try it with."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomalymatch_ui.cli.options import Anomaly, Images, NoDownload, SessionFolder
from anomalymatch_ui.cli.output import LABELS_HELP, ClassesOption, Json, given_path
from anomalymatch_ui.cli.pixels import PixelOptions, takes_pixels
from anomalymatch_ui.errors import InputError, SessionBusyError

if TYPE_CHECKING:
    from anomalymatch_ui.demo import GalaxySearch

Labels = Annotated[Path | None, typer.Option(help=LABELS_HELP)]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Of the web server; 0 takes a free one.")]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        help="Path at which a proxy shows the dashboard, such as /user/ada/proxy/8866/; on JupyterHub it is "
        "found by itself.",
        metavar="PATH",
    ),
]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")]
Annotator = Annotated[
    str | None, typer.Option(help="Name kept with your labels; several people may label one session.")
]


def register(application: typer.Typer) -> None:
    """Add the commands of this module."""
    application.command()(serve)
    application.command()(demo)


@takes_pixels
def serve(
    images: Images,
    labels: Labels = None,
    session: SessionFolder = None,
    port: Port = 8866,
    no_browser: NoBrowser = False,
    annotator: Annotator = None,
    *,
    pixels: PixelOptions,
    base_url: BaseUrl = None,
    classes: ClassesOption = None,
    metadata: Annotated[
        Path | None,
        typer.Option(
            help="A table about the images, by filename or id, or by position: its columns become filters.",
            parser=given_path,
        ),
    ] = None,
    match_radius: Annotated[
        float, typer.Option(help="Seconds of arc between an image and its row, matched by position.")
    ] = 1.0,
    as_json: Json = False,
) -> None:
    """Open the dashboard on your images in the browser."""
    from anomalymatch_ui.app.serving.serve import serve as serve_dashboard

    serve_dashboard(
        images,
        labels,
        session,
        port,
        not no_browser,
        as_json,
        annotator,
        pixels,
        base_url,
        classes,
        metadata,
        match_radius,
    )


def demo(
    session: SessionFolder = None,
    galaxy_mnist: Annotated[
        bool, typer.Option("--galaxy-mnist", help="Real galaxies instead, downloaded on first use.")
    ] = False,
    anomaly: Anomaly = None,
    no_download: NoDownload = False,
    fits: Annotated[
        bool, typer.Option("--fits", help="The simulated survey as FITS of three bands instead of JPEGs.")
    ] = False,
    port: Port = 8866,
    no_browser: NoBrowser = False,
    base_url: BaseUrl = None,
    as_json: Json = False,
) -> None:
    """Open the dashboard on a simulated survey, made on first use, or on GalaxyMNIST."""
    from anomalymatch_ui.app.serving.serve import serve as serve_dashboard

    if galaxy_mnist and fits:
        raise InputError("GalaxyMNIST holds pictures: use --fits with the simulated survey.")
    if anomaly is not None and not galaxy_mnist:
        raise InputError("The simulated survey has its own anomalies: --anomaly goes with --galaxy-mnist.")
    if not galaxy_mnist:
        serve_dashboard(
            None,
            session=session,
            port=port,
            open_browser=not no_browser,
            as_json=as_json,
            base_url=base_url,
            demo="fits" if fits else "pictures",
        )
        return
    found, folder = _galaxies(session, anomaly, no_download)
    serve_dashboard(found.images, found.labels, folder, port, not no_browser, as_json, base_url=base_url)


def _galaxies(session: Path | None, anomaly: str | None, no_download: bool) -> tuple[GalaxySearch, Path]:
    """Download GalaxyMNIST, where it is not there yet, and say in its session what is looked for."""
    from anomalymatch_ui.cli.progress import bar
    from anomalymatch_ui.demo import search_galaxies
    from anomalymatch_ui.session import Session

    with bar("Downloading GalaxyMNIST (kB)") as advance:
        found = search_galaxies(anomaly, download=not no_download, progress=advance)
    folder = session or found.session
    # Where it is busy, whoever has it open has said so.
    with (
        contextlib.suppress(SessionBusyError),
        Session.open(folder, found.images, found.labels) as opened,
    ):
        if opened.ranking().version == 0 and not opened.marking.aim:
            opened.marking.write_aim(found.aim)
    return found, folder
