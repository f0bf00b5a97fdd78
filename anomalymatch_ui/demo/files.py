"""Where the simulated survey lies: made once, then found in the user's cache."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anomalymatch_ui.cachefolder import cache_folder
from anomalymatch_ui.demo.colours import picture_options
from anomalymatch_ui.demo.download import ProgressCallback
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import TEMPORARY_SUFFIX, remove_leftover, storage_errors, temporary_beside

VERSION = 1
"""Of the survey's content: another one is made anew, in a folder of its own."""

IMAGES, FITS_IMAGES = "simulated-survey", "simulated-survey-fits"
"""Names of the folders of images, which the dashboard shows as the survey's name."""


@dataclass(frozen=True)
class DemoSurvey:
    """Where the simulated survey lies.

    Attributes
    ----------
    images
        Folder of 2,000 JPEGs, or FITS files of the bands g, r and i, of 64 x 64 pixels, in 20 fields.
    labels
        CSV ``filename,label`` to start from: five anomalies, one of each kind and one more, and 25 nominal
        images.
    truth
        CSV ``filename,kind,label`` of every image. It lies beside ``images``, so that nothing that reads
        them meets it.
    session
        Where the labels given to the demo are kept, so that trying it leaves nothing in the current folder.
    pixels
        Options of :func:`~anomalymatch_ui.open_pool` by which the FITS files look as the JPEGs do.
    aim
        What its anomalies are, for the line on what is looked for.
    """

    images: Path
    labels: Path
    truth: Path
    session: Path
    pixels: Mapping[str, Any] = field(default_factory=dict)
    aim: str = "rings, mergers, arcs and dust lanes"

    @classmethod
    def at(cls, folder: Path | None = None, *, fits: bool = False) -> DemoSurvey:
        """Return where a survey is, or shall be; parameters and errors are those of :func:`survey`."""
        name = f"demo-survey-fits-{VERSION}" if fits else f"demo-survey-{VERSION}"
        folder = cache_folder(name) if folder is None else Path(folder)
        images, pixels = (FITS_IMAGES, picture_options()) if fits else (IMAGES, {})
        labels, truth, session = (folder / name for name in ("labels.csv", "truth.csv", "demo.session"))
        planned = cls(folder / images, labels, truth, session, pixels)
        # In this order: it comes in one piece, and another process may just be putting it there.
        occupied = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
        if occupied and not planned.is_made:
            raise InputError(
                f"{folder} holds something else than the demo. Choose an empty folder, or remove it."
            )
        return planned

    @property
    def is_made(self) -> bool:
        """Whether the survey is there; it comes in one piece."""
        return self.images.is_dir() and self.labels.is_file() and self.truth.is_file()


def survey(
    folder: Path | None = None, progress: ProgressCallback | None = None, *, fits: bool = False
) -> DemoSurvey:
    """Return the simulated survey, making it on first use.

    The same versions of NumPy, Astropy and Pillow make the same bytes. It is made under a temporary name
    and renamed, so that an interrupted run leaves nothing that looks complete.

    Parameters
    ----------
    folder
        Where it is or shall be; by default in the user's cache (``XDG_CACHE_HOME``, else ``~/.cache``).
    progress
        Called with the number of images made and their total.
    fits
        The same exposures as FITS files of three bands, float32, with positions.

    Raises
    ------
    InputError
        If ``folder`` holds something else.
    StorageError
        If the disk refuses.
    """
    made = DemoSurvey.at(folder, fits=fits)
    if made.is_made:
        return made
    folder = made.images.parent
    with storage_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        from anomalymatch_ui.demo.build import build_survey  # a second of imports, on the first use only

        _sweep(folder)
        temporary = temporary_beside(folder)
        temporary.mkdir(0o700)
        try:
            build_survey(temporary, made.images.name, progress or (lambda _done, _total: None), fits=fits)
            temporary.chmod(0o755)
            _rename(temporary, made)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return made


def _sweep(folder: Path) -> None:
    """Remove what processes that were killed had made of it."""
    for path in list(folder.parent.iterdir()):
        if path.name.startswith(f".{folder.name}.h") and path.name.endswith(TEMPORARY_SUFFIX):
            remove_leftover(path)


def _rename(temporary: Path, made: DemoSurvey) -> None:
    try:
        temporary.rename(made.images.parent)
    except OSError:
        # Another process was faster; its survey is the same.
        if not made.is_made:
            raise
