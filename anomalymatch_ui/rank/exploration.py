"""What to look at when the likely images have been looked at: images unlike anything that has a label.

A head finds what is like the anomalies it was taught. A kind of which nobody has met one yet stays out of
sight until chance draws one, however many images are looked at. When little more is expected of the best
images, looks are better spent on what is unusual and unlike all that was judged.
"""

from __future__ import annotations

import numpy as np

from anomalymatch_ui.rank.similarity import unit_vectors

BEST = 20
"""Of so many of the best images it is asked how many anomalies they should hold: a page or less."""

EVERY = 2
"""Every second place is one of an image unlike what has a label, while that is so."""

MOST_NOVEL = 5_000
"""Only so many of the most novel images are compared with the labels, whatever the size of the pool."""

COMPARED = 2_000
"""Labelled images at most with which they are compared, evenly spaced: 5,000 of 640 numbers take 0.1 s."""


def is_exhausted(scores: np.ndarray, taken: np.ndarray, least: float) -> bool:
    """Return whether the best images without a label should hold fewer anomalies than a share of them.

    Parameters
    ----------
    scores
        Probabilities of an anomaly, float ``(n,)``; NaN for images that cannot be read.
    taken
        Images to leave out, bool ``(n,)``.
    least
        The share, 0 to 1; of 0 nothing is less.
    """
    left = scores[~taken & ~np.isnan(scores)]
    best = left if len(left) <= BEST else np.partition(left, len(left) - BEST)[len(left) - BEST :]
    return len(best) > 0 and float(best.mean(dtype=np.float64)) < least


def unlike_labelled(
    embeddings: np.ndarray, novelty: np.ndarray, labelled: np.ndarray, count: int
) -> np.ndarray:
    """Return images that are unusual and unlike any that has a label, the most so first.

    By novelty alone the looks go to one kind of unusual images after another of the same, all of them judged
    already. So the place by novelty, among the most novel, and the place by likeness to the nearest labelled
    image count alike. In 120 looks at the simulated survey, from no label at all, that found 31 of the 32
    oddities, and novelty alone 24 (``docs/benchmark.md``).

    Parameters
    ----------
    embeddings
        Features of the pool around zero mean, float ``(n, features)``.
    novelty
        How unlike the rest of the pool each image is, float ``(n,)``; NaN for images that cannot be read.
    labelled
        Images that have a label, whatever it is, bool ``(n,)``.
    count
        How many to return at most.

    Returns
    -------
    numpy.ndarray
        Rows without a label, int64.
    """
    rows = np.flatnonzero(~labelled & ~np.isnan(novelty))
    rows = rows[np.argsort(-novelty[rows], kind="stable")[:MOST_NOVEL]]
    known = np.flatnonzero(labelled & ~np.isnan(novelty))
    if len(rows) == 0 or len(known) == 0:
        return rows[:count]
    known = known[np.linspace(0, len(known) - 1, min(len(known), COMPARED)).astype(np.int64)]
    likeness = (unit_vectors(embeddings[rows]) @ unit_vectors(embeddings[known]).T).max(axis=1)
    by_likeness = np.empty(len(rows), np.int64)
    by_likeness[np.argsort(likeness, kind="stable")] = np.arange(len(rows))
    return rows[np.argsort(np.arange(len(rows)) + by_likeness, kind="stable")[:count]]


def with_unlike(order: np.ndarray, unlike: np.ndarray, head: int) -> tuple[np.ndarray, np.ndarray]:
    """Put unlike images at every second place of an order; one that stands further up stays there.

    Parameters
    ----------
    order
        Rows listed, the first to look at first, int64 ``(m,)``.
    unlike
        Rows of these to look at between, int64, in their order.
    head
        Places within which that is done.

    Returns
    -------
    order : numpy.ndarray
        The same rows, int64 ``(m,)``.
    unlike : numpy.ndarray
        Whether the image at that place is there because it is unlike what has a label, bool ``(m,)``.
    """
    wanted = iter(unlike.tolist())
    best = iter(order.tolist())
    placed: dict[int, bool] = {}  # row -> whether it is there for being unlike, in the order of the places
    while len(placed) < min(head, len(order)):
        between = len(placed) % EVERY == EVERY - 1
        row = next((row for row in wanted if row not in placed), None) if between else None
        if row is not None:
            placed[row] = True
        else:
            row = next(row for row in best if row not in placed)
            placed[row] = False
    first = np.fromiter(placed, np.int64, len(placed))
    is_unlike = np.zeros(len(order), dtype=bool)
    is_unlike[: len(placed)] = list(placed.values())
    rest = order[~np.isin(order, first)]
    return np.concatenate([first, rest]), is_unlike
