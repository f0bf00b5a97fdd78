"""What a look at one view of an image, by a part of what a session looks with, says of its margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from anomalymatch_ui.rank.blas import one_blas_thread
from anomalymatch_ui.rank.coarse import CoarseToFine
from anomalymatch_ui.rank.linear import LinearHead

FEWEST = 256
"""Images seen both ways below which nothing is fitted: there are some 400 components to weigh."""

RIDGE = 0.3
"""Of the components' mean variance. On a sky survey 0.1 and 1 found as many of the first images, with 1,024
images to learn from, and 0.01 fewer."""

FOLDS = 4


@dataclass(frozen=True)
class Glance:
    """What to expect of images after a look at one view.

    The session's head learns from looks at all views. What it says of one is the noisier, the more it goes
    by what differs between them; a head fitted to images seen both ways knows better. Of 3,000 cutouts of a
    sky survey it told the margin after all looks with a correlation of 0.86 by one look at 96 px, the
    session's head with 0.83 by both of its looks and with 0.78 by that one (``docs/benchmark.md``).

    Attributes
    ----------
    head
        On the embedding by one view; its weights are zero where a look is not needed.
    coarse
        From its margins to those after all looks.
    """

    head: LinearHead
    coarse: CoarseToFine

    @classmethod
    def of(
        cls, in_one_view: np.ndarray, margins: np.ndarray, head: LinearHead, choices: Sequence[np.ndarray]
    ) -> Self:
        """Learn it from images of a session that were drawn at random.

        Parameters
        ----------
        in_one_view
            Their embedding by one view, float ``(n, components)``; rows with NaN are left out.
        margins
            What the head says of them after all looks, float ``(n,)``.
        head
            The session's own.
        choices
            Components that may be enough, bool ``(components,)`` each, the cheapest first. The first is taken
            that tells the margin as well as the session's own head does from all components; if none does,
            that head is.
        """
        with one_blas_thread():  # of the same labels the same bits are learnt, whatever the cores
            return cls._learnt(in_one_view, margins, head, choices)

    @classmethod
    def _learnt(
        cls, in_one_view: np.ndarray, margins: np.ndarray, head: LinearHead, choices: Sequence[np.ndarray]
    ) -> Self:
        known = np.isfinite(margins) & ~np.isnan(in_one_view[:, 0])
        seen, wanted = in_one_view[known].astype(np.float64), margins[known].astype(np.float64)
        own = head.margins(in_one_view[known]).astype(np.float64)
        if len(seen) >= FEWEST:
            least = _correlation(own, wanted)
            fold = np.arange(len(seen)) % FOLDS
            for choice in choices:
                told = np.empty(len(seen))
                for part in range(FOLDS):
                    fitted = _fitted(seen[fold != part], wanted[fold != part], choice)
                    told[fold == part] = seen[fold == part] @ fitted.weights + fitted.bias
                if _correlation(told, wanted) >= least:
                    return cls(_fitted(seen, wanted, choice), CoarseToFine.of(told, wanted))
        return cls(head, CoarseToFine.of(own, wanted))


def _fitted(seen: np.ndarray, wanted: np.ndarray, choice: np.ndarray) -> LinearHead:
    """Fit margins by ridge regression on the chosen components; all others weigh nothing."""
    mean, middle = seen[:, choice].mean(axis=0), float(wanted.mean())
    centred = seen[:, choice] - mean
    products = centred.T @ centred
    ridge = RIDGE * max(float(np.trace(products)) / len(products), 1e-12)
    slopes = np.linalg.solve(products + ridge * np.eye(len(products)), centred.T @ (wanted - middle))
    weights = np.zeros(seen.shape[1], np.float32)
    weights[choice] = slopes
    return LinearHead(weights, middle - float(mean @ slopes))


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
