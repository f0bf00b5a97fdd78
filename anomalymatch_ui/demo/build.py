"""The simulated survey on disk: made once, then found in the user's cache."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from anomalymatch_ui.demo.cache import cache_folder
from anomalymatch_ui.demo.camera import canvas, expose, seeing_transfer
from anomalymatch_ui.demo.scenes import COMMON, ODD, Scene, background
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import storage_errors
from anomalymatch_ui.labels import write_labels_csv

VERSION = 1
"""Of the survey's content: another one is made anew, in a folder of its own."""

IMAGES = "simulated-survey"
"""Name of the folder of images, which the dashboard shows as the survey's name."""

SEED = 20_041_207
FIELDS = 20
CUTOUTS_PER_FIELD = 100
ODD_PER_KIND = 8
NOMINAL_LABELS = 25
JPEG_QUALITY = 92

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class DemoSurvey:
    """Where the simulated survey lies.

    Attributes
    ----------
    images
        Folder of 2,000 JPEGs of 64 x 64 pixels, in 20 fields.
    labels
        CSV ``filename,label`` to start from: five anomalies, one of each kind and one more, and 25 nominal
        images.
    truth
        CSV ``filename,kind,label`` of every image. It lies beside ``images``, so that nothing that reads
        them meets it.
    session
        Where the labels given to the demo are kept, so that trying it leaves nothing in the current folder.
    """

    images: Path
    labels: Path
    truth: Path
    session: Path


def survey(folder: Path | None = None, progress: Progress | None = None) -> DemoSurvey:
    """Give the simulated survey, making it on first use.

    The same versions of NumPy, Astropy and Pillow make the same bytes. It is made under a temporary name
    and renamed, so that an interrupted run leaves nothing that looks complete.

    Parameters
    ----------
    folder
        Where it is or shall be; by default in the user's cache (``XDG_CACHE_HOME``, else ``~/.cache``).
    progress
        Called with the number of images made and their total.

    Raises
    ------
    InputError
        If ``folder`` holds something else.
    StorageError
        If the disk refuses.
    """
    folder = cache_folder(f"demo-survey-{VERSION}") if folder is None else Path(folder)
    made = DemoSurvey(folder / IMAGES, folder / "labels.csv", folder / "truth.csv", folder / "demo.session")
    if _is_complete(made):
        return made
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            f"{folder} holds something else than the demo. Choose an empty folder, or remove it."
        )
    with storage_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            _make(temporary, progress or (lambda _done, _total: None))
            temporary.chmod(0o755)
            _rename(temporary, made)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return made


def _is_complete(made: DemoSurvey) -> bool:
    return made.images.is_dir() and made.labels.is_file() and made.truth.is_file()


def _rename(temporary: Path, made: DemoSurvey) -> None:
    try:
        temporary.rename(made.images.parent)
    except OSError:
        # Another process was faster; its survey is the same.
        if not _is_complete(made):
            raise


def _make(folder: Path, progress: Progress) -> None:
    kinds = _draw_kinds(np.random.default_rng(SEED))
    names = [f"field-{number // CUTOUTS_PER_FIELD:02}/cutout-{number:05}.jpg" for number in range(len(kinds))]
    _write_images(folder / IMAGES, names, kinds, progress)
    _write_truth(folder / "truth.csv", names, kinds)
    write_labels_csv(folder / "labels.csv", _draw_labels(np.random.default_rng(SEED + 2), names, kinds))


def _draw_kinds(random: np.random.Generator) -> list[str]:
    """Kind of each cutout: fixed numbers of each, in random order."""
    total = FIELDS * CUTOUTS_PER_FIELD
    kinds = [kind for kind in ODD for _ in range(ODD_PER_KIND)]
    shares = [share for share, _ in COMMON.values()]
    common = random.choice(list(COMMON), size=total - len(kinds), p=shares)
    kinds.extend(str(kind) for kind in common)
    return [kinds[position] for position in random.permutation(total)]


def _draw_labels(random: np.random.Generator, names: list[str], kinds: list[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    by_kind = {kind: [name for name, its in zip(names, kinds, strict=True) if its == kind] for kind in ODD}
    twice = random.choice(list(ODD))
    for kind, members in by_kind.items():
        for name in random.choice(members, size=2 if kind == twice else 1, replace=False):
            labels[str(name)] = "anomaly"
    common = [name for name, kind in zip(names, kinds, strict=True) if kind in COMMON]
    for name in random.choice(common, size=NOMINAL_LABELS, replace=False):
        labels[str(name)] = "nominal"
    return labels


def _write_images(folder: Path, names: list[str], kinds: list[str], progress: Progress) -> None:
    sky = canvas()
    scenes: dict[str, Scene] = {**ODD, **{kind: scene for kind, (_, scene) in COMMON.items()}}
    seeing = np.random.default_rng(SEED + 1).normal(2.4, 0.3, FIELDS).clip(1.9, 3.3)
    transfers = [seeing_transfer(width) for width in seeing]
    for number, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # A generator for each cutout: changing how one kind is drawn leaves the others as they are.
        random = np.random.default_rng([SEED, number])
        scene = scenes[kind](sky, random) + background(sky, random)
        picture = expose(scene, transfers[number // CUTOUTS_PER_FIELD], random)
        Image.fromarray(picture).save(path, quality=JPEG_QUALITY)
        progress(number + 1, len(names))


def _write_truth(path: Path, names: list[str], kinds: list[str]) -> None:
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["filename", "kind", "label"])
        for name, kind in zip(names, kinds, strict=True):
            writer.writerow([name, kind, "anomaly" if kind in ODD else "nominal"])
