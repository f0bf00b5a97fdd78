"""Whether the likely images are worth all the looks, and what else to look at where they are not."""

from __future__ import annotations

import numpy as np

from anomalymatch_ui.rank import Acquisition, is_exhausted, unlike_labelled
from anomalymatch_ui.session.core.context import Context
from anomalymatch_ui.session.look.embedded import Embedded
from anomalymatch_ui.session.work.ranking import Ranking
from anomalymatch_ui.session.work.rankings import Rankings

EXPLORES_AFTER = 40
"""Looks before a search may be called exhausted: before, a forecast is mostly what was assumed."""


class Exploring:
    """Finds images unlike all that has a label, where little more is expected of the likely ones.

    Parameters
    ----------
    context, rankings
        What the parts of a session share, and its rankings.
    """

    def __init__(self, context: Context, rankings: Rankings) -> None:
        self._context = context
        self._rankings = rankings
        self._novelty: tuple[Embedded, np.ndarray] | None = None

    def is_due(self, ranking: Ranking, strategy: Acquisition, taken: np.ndarray, looks: int) -> bool:
        """Return whether every second image to look at should be an unlike one.

        Parameters
        ----------
        ranking, strategy
            By which the likely ones are listed.
        taken
            Images with a label, bool ``(len(pool),)``.
        looks
            How many looks were taken.
        """
        least = self._context.config.acquisition.explore_below
        if strategy not in ("diverse", "mixed") or not ranking.calibrated or looks < EXPLORES_AFTER:
            return False
        exhausted = is_exhausted(ranking.scores, taken, least)
        return exhausted and self._rankings.embedder().at_hand() is not None

    def rows(
        self, ranking: Ranking, strategy: Acquisition, taken: np.ndarray, looks: int
    ) -> np.ndarray | None:
        """Return the rows of the unlike images, int64, if it :meth:`is_due`; else ``None``."""
        due = self.is_due(ranking, strategy, taken, looks)
        embedded = self._rankings.embedder().at_hand() if due else None
        if embedded is None:
            return None
        if self._novelty is None or self._novelty[0] is not embedded:
            self._novelty = embedded, embedded.novelty()
        head = self._context.config.acquisition.head
        return unlike_labelled(embedded.table, self._novelty[1], taken, head)
