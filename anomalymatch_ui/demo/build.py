"""Draws the simulated survey: its images, their truth, and the labels to start from."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from anomalymatch_ui.demo.camera import canvas, colour_picture, expose, seeing_transfer
from anomalymatch_ui.demo.download import ProgressCallback
from anomalymatch_ui.demo.exposures import position, write_exposure
from anomalymatch_ui.demo.scenes import COMMON, ODD, Scene, background
from anomalymatch_ui.labels import write_labels_csv
from anomalymatch_ui.pixels.profiles import Plane

SEED = 20_041_207
FIELDS = 20
CUTOUTS_PER_FIELD = 100
ODD_PER_KIND = 8
NOMINAL_LABELS = 25
JPEG_QUALITY = 92


def build_survey(
    folder: Path, images: str, progress: ProgressCallback, *, fits: bool = False, seed: int = SEED
) -> None:
    """Draw the survey into an empty folder.

    Parameters
    ----------
    folder
        Gets the images, ``truth.csv`` and ``labels.csv``; see :class:`~anomalymatch_ui.demo.DemoSurvey`.
    images
        Name of the folder of images in it.
    fits
        Write the same exposures as FITS of three bands instead of as JPEGs.
    progress
        Called with the number of images made and their total.
    seed
        Of all that is drawn; another one gives another survey of the same kinds.
    """
    kinds = _draw_kinds(np.random.default_rng(seed))
    suffix = "fits" if fits else "jpg"
    names = [
        f"field-{number // CUTOUTS_PER_FIELD:02}/cutout-{number:05}.{suffix}" for number in range(len(kinds))
    ]
    for number, counts in enumerate(_exposures(kinds, seed)):
        path = folder / images / names[number]
        path.parent.mkdir(parents=True, exist_ok=True)
        if fits:
            write_exposure(path, counts, *position(*divmod(number, CUTOUTS_PER_FIELD)))
        else:
            Image.fromarray(colour_picture(counts)).save(path, quality=JPEG_QUALITY)
        progress(number + 1, len(names))
    _write_truth(folder / "truth.csv", names, kinds)
    write_labels_csv(folder / "labels.csv", _draw_labels(np.random.default_rng(seed + 2), names, kinds))


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


def _exposures(kinds: list[str], seed: int) -> Iterator[Plane]:
    """Iterate over the exposure of each cutout: counts in g, r and i."""
    sky = canvas()
    scenes: dict[str, Scene] = {**ODD, **{kind: scene for kind, (_, scene) in COMMON.items()}}
    seeing = np.random.default_rng(seed + 1).normal(2.4, 0.3, FIELDS).clip(1.9, 3.3)
    transfers = [seeing_transfer(width) for width in seeing]
    for number, kind in enumerate(kinds):
        # A generator for each cutout: changing how one kind is drawn leaves the others as they are.
        random = np.random.default_rng([seed, number])
        scene = scenes[kind](sky, random) + background(sky, random)
        yield expose(scene, transfers[number // CUTOUTS_PER_FIELD], random)


def _write_truth(path: Path, names: list[str], kinds: list[str]) -> None:
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["filename", "kind", "label"])
        for name, kind in zip(names, kinds, strict=True):
            writer.writerow([name, kind, "anomaly" if kind in ODD else "nominal"])
