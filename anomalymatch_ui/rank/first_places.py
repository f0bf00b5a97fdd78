"""The first places of a large pool after another label, before all of it has been measured again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomalymatch_ui.rank.coarse import CoarseToFine
from anomalymatch_ui.rank.forecast import Forecast

HEAD = 4_096
"""Images of the last order, from the first on, that are measured again: forty pages of a hundred."""

NEAR = 1_024
"""Images about the decision that are measured again."""

SAMPLE = 2_048
"""Images drawn at random that are measured again: they tell how new margins compare with the last."""


@dataclass(frozen=True)
class Places:
    """An order of a pool, of which some images were measured by the newest labels and others by former ones.

    Attributes
    ----------
    margins
        On the scale of the order before, float32 ``(n,)``.
    scores
        Probabilities, float32 ``(n,)``; NaN for images that have none.
    order
        Rows from the highest score to the lowest, int64; those without a score are left out.
    """

    margins: np.ndarray
    scores: np.ndarray
    order: np.ndarray


@dataclass(frozen=True)
class Telling:
    """The images to measure again, and which of them are a random sample.

    Attributes
    ----------
    rows
        Rows, int64, ascending, each once.
    sample
        Which of them were drawn at random, bool, as long as ``rows``.
    """

    rows: np.ndarray
    sample: np.ndarray

    @classmethod
    def of(cls, last: Places, labelled: np.ndarray) -> Telling:
        """Choose from the last order what may come to its first places, and what tells of the rest.

        Parameters
        ----------
        last
            The order before.
        labelled
            Rows with a label, int64.
        """
        order, by_place = last.order, last.scores[last.order]
        decision = int(np.searchsorted(-by_place, -by_place.mean(dtype=np.float64))) if len(order) else 0
        near = order[max(0, decision - NEAR // 2) : decision + NEAR // 2]
        drawn = order[np.random.default_rng(0).integers(0, max(len(order), 1), min(SAMPLE, len(order)))]
        rows = np.unique(np.concatenate([order[:HEAD], near, labelled, drawn]))
        return cls(rows, np.isin(rows, drawn))


def with_first_places(last: Places, telling: Telling, margins: np.ndarray, forecast: Forecast) -> Places:
    """Put images that were measured again into the last order, in which all others keep their place.

    The margins of another head are on another scale, a line away from the last one: the random sample tells
    which. So what is near the first places now comes there, and the probabilities stay those of the last
    forecast until there is a new one.

    Parameters
    ----------
    last
        The order before, in which every image was measured by the same labels.
    telling
        What was measured again.
    margins
        What each of ``telling.rows`` has now, float; NaN keeps an image where it is.
    forecast
        From margins of the last scale to probabilities.
    """
    drawn = telling.sample
    line = CoarseToFine.of(margins[drawn], last.margins[telling.rows[drawn]])
    known = np.isfinite(margins) & np.isfinite(last.scores[telling.rows])
    rows = telling.rows[known]
    all_margins, scores = last.margins.copy(), last.scores.copy()
    all_margins[rows] = line.apply(margins[known])
    scores[rows] = forecast.probabilities(all_margins[rows])
    stays = np.ones(len(scores), dtype=bool)
    stays[rows] = False
    rest = last.order[stays[last.order]]
    moved = rows[np.argsort(-scores[rows], kind="stable")]
    before = np.searchsorted(-scores[rest], -scores[moved])
    return Places(all_margins, scores, np.insert(rest, before, moved))
