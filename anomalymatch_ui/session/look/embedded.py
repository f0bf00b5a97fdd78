"""The embedding of a pool as far as it is made, and how far that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from anomalymatch_ui.rank import Artefacts, CoarseToFine, DistanceFromCentre, Novelty, Reduction
from anomalymatch_ui.session.look.sight import Look, Sight

NOT_YET, COARSE, FINE = 0, 1, 2
"""How an image was looked at: not at all so far, in one view, in every view."""


@dataclass(frozen=True)
class Pairs:
    """Images, drawn at random, that were looked at both in one view and in every view.

    Attributes
    ----------
    rows
        Pool indices, int64 ``(n,)``.
    coarse
        What one view says of each, float ``(n, components)``; the embedding holds what all say.
    """

    rows: np.ndarray
    coarse: np.ndarray


@dataclass(frozen=True)
class Embedded:
    """The embedding of a pool at one moment.

    Attributes
    ----------
    table
        float ``(len(pool), components)``; NaN where an image cannot be read, or was not looked at yet.
    depth
        How each image was looked at, uint8 ``(len(pool),)``: :data:`NOT_YET`, :data:`COARSE` or
        :data:`FINE`; ``None`` once all were looked at in every view.
    pairs
        Tell what a coarse look is worth; ``None`` where there is none.
    """

    table: np.ndarray
    depth: np.ndarray | None = None
    pairs: Pairs | None = None

    @property
    def waiting(self) -> int:
        """How many images were not looked at yet."""
        return 0 if self.depth is None else int((self.depth == NOT_YET).sum())

    def of_rows(self, rows: np.ndarray) -> Embedded:
        """Return the embedding of some images, held in memory.

        Parameters
        ----------
        rows
            Pool indices, int64, ascending, those of the pairs among them.
        """
        pairs = (
            None if self.pairs is None else replace(self.pairs, rows=np.searchsorted(rows, self.pairs.rows))
        )
        return Embedded(self.table[rows], None if self.depth is None else self.depth[rows], pairs)

    def measured(self, measure: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Measure every image, those of a coarse look as is to be expected after a fine one.

        Parameters
        ----------
        measure
            Takes embeddings ``(n, components)`` and gives a number for each, float ``(n,)``.
        """
        values = measure(self.table)
        if self.depth is None or self.pairs is None:
            return values
        is_coarse = self.depth == COARSE
        guess = CoarseToFine.of(measure(self.pairs.coarse), values[self.pairs.rows])
        values[is_coarse] = guess.apply(values[is_coarse])
        return values

    def novelty(self, artefacts: Artefacts | None = None) -> np.ndarray:
        """Return how unlike the others each image is: see :class:`~anomalymatch_ui.rank.Novelty`.

        Parameters
        ----------
        artefacts
            What is like them counts as less novel; ``None`` where nobody has pointed any out.
        """
        measure = DistanceFromCentre.of(self.table)
        distances = self.measured(measure)
        if artefacts is not None:
            distances = distances * artefacts.keep(self.measured)
        return Novelty.among(measure, distances).places(distances)


@dataclass(frozen=True)
class Seeing:
    """How the images of a pool become its embedding.

    Attributes
    ----------
    digest
        Digest of all that decides it.
    sight
        What is taken of which backbones.
    reductions
        Reduction of each part, in the order of the sight's looks.
    adapted
        Weights adapted to the pool, by the look that has some.
    """

    digest: str
    sight: Sight
    reductions: tuple[Reduction, ...]
    adapted: Mapping[Look, Path]
