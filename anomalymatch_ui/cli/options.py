"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from anomalymatch_ui.cli.output import given_path

Images = Annotated[
    Path,
    typer.Argument(
        help="A folder of images, also FITS; or an HDF5 file or Zarr store with `images`.",
        metavar="IMAGES",
        parser=given_path,
    ),
]
KeptSession = Annotated[
    Path, typer.Argument(help="Folder of a session.", metavar="SESSION", parser=given_path)
]
SessionFolder = Annotated[
    Path | None,
    typer.Option("--session", help="Folder that keeps labels and models.", metavar="DIR", parser=given_path),
]
Table = Literal["ranking", "labels", "found", "completeness", "injected", "selection"]
"""A table of results, as the session has it; importing that takes seconds."""
Top = Annotated[
    int | None, typer.Option(min=1, help="The first rows of the table; all of them if not given.")
]
Anomaly = Annotated[str | None, typer.Option(help="The class of a published data set to search.")]
NoDownload = Annotated[bool, typer.Option("--no-download", help="Use the network for nothing.")]
