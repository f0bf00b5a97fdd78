"""Opens what a notebook or Voilà shows: the dashboard, or a page that says why not."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from anomalymatch_ui.app.bridge import kernel_loop
from anomalymatch_ui.app.dashboard import Dashboard
from anomalymatch_ui.app.serving.environment import Wanted
from anomalymatch_ui.app.serving.error_page import ErrorPage
from anomalymatch_ui.app.serving.making import MakingPage
from anomalymatch_ui.demo import survey
from anomalymatch_ui.errors import AnomalyMatchError
from anomalymatch_ui.process import prepare_process
from anomalymatch_ui.session.catalogue.metadata import MATCH_RADIUS


def launch(
    images: str | os.PathLike[str] | None = None,
    *,
    labels: str | os.PathLike[str] | None = None,
    session: str | os.PathLike[str] | None = None,
    annotator: str | None = None,
    classes: str | Mapping[str, str] | None = None,
    metadata: str | os.PathLike[str] | None = None,
    match_radius: float = MATCH_RADIUS,
    **pixels: Any,
) -> Dashboard | ErrorPage | MakingPage:
    """Open the dashboard; as the last line of a notebook cell it is shown there.

    Parameters
    ----------
    images
        A folder of images, an HDF5 file or a Zarr store. Without it, what ``anomalymatch serve`` was
        asked to show; without that either, the simulated survey.
    labels
        A CSV with the columns ``filename`` and ``label``, an export of Zooniverse or Label Studio, or the
        folder of a session of AnomalyMatch; imported once.
    session
        The session's folder, by default ``<name of the images>.session`` in the current folder.
    annotator
        Name kept with every label, by default the user's. Several annotators may have one session open.
    classes
        What the classes of the labels stand for, such as ``"ring=anomaly,*=nominal"``, where they are not
        ``anomaly``, ``nominal`` and ``unsure``. The session keeps it.
    metadata
        A table (CSV, ECSV, VOTable, FITS, Parquet) whose columns become filters. It has the column
        ``filename`` or ``id``, or positions in degrees. The session keeps a copy.
    match_radius
        Where its rows are matched by position: seconds of arc between an image and its row at most.
    **pixels
        How the images are read and shown, as :func:`anomalymatch_ui.open_pool` takes it, such as
        ``stretch="asinh"``. The session keeps it.

    Returns
    -------
    Dashboard, ErrorPage or MakingPage
        The page with a sentence if something given cannot be used; the page on which the survey of
        ``anomalymatch demo`` is made, where it is not there yet.
    """
    prepare_process()
    paths = (images, labels, session, metadata)
    pool, table, folder, about = (None if path is None else Path(path) for path in paths)
    given = Wanted(pool, table, folder, annotator, pixels, classes, about, match_radius)
    try:
        if images is None and session is None:
            given = Wanted.from_environment() or demo()
            given = given if annotator is None else replace(given, annotator=annotator)
        if given.must_be_made:
            return MakingPage(given, kernel_loop())
        return Dashboard(given.open())
    except AnomalyMatchError as error:
        return ErrorPage(str(error))


def demo() -> Wanted:
    """Make the simulated survey, if it is not there yet, and give its paths."""
    survey()
    return Wanted.of_demo()
