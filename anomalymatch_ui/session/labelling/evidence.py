"""What a session's labels say of the unlabelled images: looks that came true or not, and images drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from anomalymatch_ui.labels import SEARCHED_AS, Label, Look
from anomalymatch_ui.pool import ImagePool, rows_in
from anomalymatch_ui.session.labelling.shortlist import population_of


@dataclass(frozen=True)
class Evidence:
    """What a forecast learns from beside the labels; see :func:`~anomalymatch_ui.rank.fit_forecast`.

    Attributes
    ----------
    rows
        Pool indices of the looks, in order, int64 ``(n,)``; those drawn at random are not among them.
    heights, is_anomaly
        What the order had said of each, and what it is.
    drawn
        Anomalies among the images drawn at random and judged, and how many these are.
    """

    rows: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    heights: np.ndarray = field(default_factory=lambda: np.empty(0))
    is_anomaly: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=bool))
    drawn: tuple[int, int] = (0, 0)


def gather_evidence(
    pool: ImagePool, view: Mapping[str, Label], looks: Iterable[Look], drawn: np.ndarray
) -> Evidence:
    """Gather what the labels of a session say.

    Parameters
    ----------
    pool, view
        The images, and their labels.
    looks
        In order; an image that nobody could judge, or that has gone, says nothing.
    drawn
        Pool indices of the images drawn at random that are a sample of all, int64.
    """
    chance = {pool.ids[row] for row in drawn.tolist()}
    judged = [view[name] for name in chance if view.get(name) in SEARCHED_AS]
    told = [
        (pool.index(look.image_id), look.shown.height, view[look.image_id] == "anomaly")
        for look in looks
        if view.get(look.image_id) in SEARCHED_AS and look.image_id in pool and look.image_id not in chance
    ]
    rows, heights, is_anomaly = zip(*told, strict=True) if told else ((), (), ())
    return Evidence(
        np.array(rows, dtype=np.int64),
        np.array(heights, dtype=np.float64),
        np.array(is_anomaly, dtype=bool),
        (judged.count("anomaly"), len(judged)),
    )


def stands_for(
    pool: ImagePool, readable: np.ndarray, left: np.ndarray, waiting: int = 0
) -> tuple[np.ndarray, np.ndarray | None, int]:
    """Return which images stand for those without a label, for how many each, and how many there are in all.

    Those of a pool stand for themselves. Of a shortlist the best do, too; those drawn from the archive stand
    for the rest of it, which nobody has looked at; once all of them have a label, they go on standing for it.
    While the images of a pool are looked at, in random order, those that were stand for all.

    Parameters
    ----------
    pool
        The images.
    readable, left
        Which can be read, and which of these have no label, bool ``(len(pool),)``.
    waiting
        How many of the pool's images were not looked at yet.

    Returns
    -------
    rows
        Pool indices, int64 ``(n,)``.
    multiplicities
        How often each counts, float64 ``(n,)``; ``None`` for one each.
    images
        Images of the pool that can be read, or of the archive.
    """
    population, known = population_of(pool), int(readable.sum())
    if population.images is None or population.drawable is None:
        rows = np.flatnonzero(left)
        each = None if waiting == 0 or len(rows) == 0 else np.full(len(rows), 1 + waiting / len(rows))
        return rows, each, known + waiting
    drawable = readable & population.drawable
    sample = drawable & left if (drawable & left).any() else drawable
    rest = max(population.images - known, 0)
    counts = left + sample * (rest / max(int(sample.sum()), 1))
    rows = np.flatnonzero(counts)
    return rows, counts[rows], max(population.images, known)


def labelled_mask(pool: ImagePool, view: Mapping[str, Label]) -> np.ndarray:
    """Return which images of a pool have a label, bool ``(len(pool),)``."""
    mask = np.zeros(len(pool), dtype=bool)
    mask[rows_in(pool, view)] = True
    return mask


def judged_mask(pool: ImagePool, view: Mapping[str, Label]) -> np.ndarray:
    """Return which images have a label that tells what is at their place on the sky, bool ``(len(pool),)``.

    An artefact is of one image alone, and of what is unsure the next image of the place may tell more.
    """
    mask = np.zeros(len(pool), dtype=bool)
    mask[rows_in(pool, (name for name, label in view.items() if label in ("anomaly", "nominal")))] = True
    return mask


def labelled_indices(
    pool: ImagePool, view: Mapping[str, Label], label: Literal["anomaly", "nominal"]
) -> np.ndarray:
    """Return the pool indices of one class of the search, int64, ascending, without images that are gone.

    An artefact is nominal: it is not what is looked for.
    """
    return np.sort(rows_in(pool, (name for name, given in view.items() if SEARCHED_AS.get(given) == label)))


def artefact_indices(pool: ImagePool, view: Mapping[str, Label]) -> np.ndarray:
    """Return the pool indices of the artefacts, int64, ascending, without images that are gone."""
    return np.sort(rows_in(pool, (name for name, given in view.items() if given == "artefact")))
