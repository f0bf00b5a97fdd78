"""What looks like the artefacts that somebody has pointed out, and how far it shall stand back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy.special import expit

from anomalymatch_ui.config import HeadConfig
from anomalymatch_ui.rank.linear import LinearHead, fit_linear_head
from anomalymatch_ui.rank.novelty import DistanceFromCentre, Novelty

BACKGROUND = 1_000
"""Unlabelled images that artefacts are told from, and as many others that tell what margins these get."""

FOLDS = 5
"""So many parts of the artefacts are held out in turn, to see what margins unseen ones get."""

_REGULARISATION = 0.01  # of that of the linear head: 30 artefacts in 640 columns are else learnt by heart
_STEEPNESS = 3.0


@dataclass(frozen=True)
class Artefacts:
    """Tells artefacts from all else, from a few of them.

    They have a head of their own: a spike is like neither an anomaly nor an ordinary image, and one line need
    not part all three. It is fitted against a random share of the pool. Its zero is where the margins of
    artefacts that it has not seen and those of images that it has not seen are equally likely, each taken as
    normally distributed about its median: labels of a few artefacts do not tell how many there are.

    Attributes
    ----------
    head
        Margin of an artefact.
    rows
        The artefacts, which are known.
    """

    head: LinearHead
    rows: np.ndarray

    @classmethod
    def of(
        cls,
        embedding: np.ndarray,
        artefacts: np.ndarray,
        others: np.ndarray,
        config: HeadConfig,
        *,
        seed: int,
    ) -> Self | None:
        """Learn them; ``None`` where none can be read.

        Parameters
        ----------
        embedding
            float ``(n, components)`` of the pool; rows with NaN are images that could not be read.
        artefacts, others
            Rows that are artefacts, and rows with another label, int64; the latter together count as much
            as all the unlabelled ones.
        config
            Regularisation.
        seed
            Seed of the background.
        """
        artefacts, others = (rows[~np.isnan(embedding[rows, 0])] for rows in (artefacts, others))
        free = ~np.isnan(np.asarray(embedding[:, 0]))
        free[artefacts] = free[others] = False
        drawn = drawn_background(free, 2 * BACKGROUND, seed)
        background, unseen = np.array_split(drawn, 2)
        if len(artefacts) == 0 or len(others) + len(background) == 0:
            return None
        rest = np.concatenate([background, others])
        weights = np.ones(len(rest))
        if len(background) and len(others):
            weights = np.repeat(
                len(rest) / 2 / np.array([len(background), len(others)]), [len(background), len(others)]
            )
        known, negatives = _taken(embedding, artefacts), _taken(embedding, rest)
        regularisation = _REGULARISATION * config.regularisation
        head = _fit(known, negatives, weights, regularisation)
        if len(known) < 2 or len(unseen) < 2:
            return cls(head, artefacts)
        held_out = np.empty(len(known), np.float32)
        fold = np.arange(len(known)) % FOLDS
        for part in range(min(FOLDS, len(known))):
            without = _fit(known[fold != part], negatives, weights, regularisation)
            held_out[fold == part] = without.margins(known[fold == part])
        middle = _between(held_out, head.margins(_taken(embedding, unseen)))
        return cls(replace(head, bias=head.bias - middle), artefacts)

    def keep(self, measured: Callable[[Callable[[np.ndarray], np.ndarray]], np.ndarray]) -> np.ndarray:
        """Return what is left of each image's novelty, float ``(n,)``: 1 for what is unlike the artefacts.

        From a margin of zero on it falls; nothing is left of what is known to be one.

        Parameters
        ----------
        measured
            Measures the images of the pool by a function of embeddings.
        """
        kept = _left(measured(self.head.margins))
        kept[self.rows] = 0
        return kept

    def novelty(self, embedding: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Return how novel other images are among those of the pool; what is like the artefacts is less so.

        Parameters
        ----------
        embedding
            float ``(n, components)`` of the pool, in every view; rows with NaN are left out.
        others
            float ``(m, components)`` of the other images; rows with NaN get NaN.

        Returns
        -------
        numpy.ndarray
            float32 ``(m,)``, on the scale of the pool's own novelty.
        """
        measure = DistanceFromCentre.of(embedding)
        pool = measure(embedding) * self.keep(lambda margins: margins(embedding))
        distances = measure(others) * _left(self.head.margins(others))
        return Novelty.among(measure, pool).places(distances)


def _left(margins: np.ndarray) -> np.ndarray:
    """Return what is left of the novelty of images of these margins, float ``(n,)``."""
    left: np.ndarray = np.minimum(1, 2 * expit(-_STEEPNESS * margins))
    return left


def _taken(embedding: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.asarray(embedding[rows], np.float32)


def _fit(artefacts: np.ndarray, others: np.ndarray, weights: np.ndarray, regularisation: float) -> LinearHead:
    labels = np.arange(len(artefacts) + len(others)) < len(artefacts)
    return fit_linear_head(
        np.concatenate([artefacts, others]),
        labels,
        regularisation=regularisation,
        weights=np.concatenate([np.ones(len(artefacts)), weights]),
    )


def _between(high: np.ndarray, low: np.ndarray) -> float:
    """Return the number between two groups that is as many standard deviations from either median."""
    wide, narrow = max(float(high.std()), 1e-6), max(float(low.std()), 1e-6)
    return float((np.median(high) * narrow + np.median(low) * wide) / (wide + narrow))


def drawn_background(free: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return rows drawn from those that are free, bool ``(n,)``, at most so many; int64."""
    rows = np.flatnonzero(free)
    return np.random.default_rng(seed).choice(rows, min(count, len(rows)), replace=False)


def share_removed(former: np.ndarray, present: np.ndarray, left: np.ndarray, first: int) -> float:
    """Return the share of the first images of a former order that are not among the first of the present one.

    Parameters
    ----------
    former, present
        Scores by which the images are ordered, float ``(n,)``; NaN has no place.
    left
        Which images are counted, bool ``(n,)``: those without a label.
    first
        How many are the first.
    """
    left = left & np.isfinite(former) & np.isfinite(present)
    was, now = _first(former, left, first), _first(present, left, first)
    return float(np.isin(was, now, invert=True).mean()) if len(was) else 0.0


def _first(scores: np.ndarray, left: np.ndarray, first: int) -> np.ndarray:
    rows = np.flatnonzero(left)
    return rows[np.argsort(-scores[rows], kind="stable")[:first]]
