"""Which images of a pool lie at one place on the sky, as those of an object do that was cut out twice."""

from __future__ import annotations

import numpy as np

from anomalymatch_ui.session.catalogue.places import Degrees, Places
from anomalymatch_ui.sky import group_numbers

ALONE = -1
"""Group of an image at whose place there is no other."""


class SamePlace:
    """Groups of images by separation, found once for a radius.

    Parameters
    ----------
    places
        Where the images are.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._found: tuple[Degrees, float, np.ndarray, np.ndarray] | None = None

    def groups(self, radius: float) -> np.ndarray | None:
        """Return the group of each image, int64 ``(images,)``, counted from 0; :data:`ALONE` without one.

        ``None`` if no table says where the images are, no two are together, or the radius is 0.

        Parameters
        ----------
        radius
            Seconds of arc at most from one image of a group to the next.
        """
        found = self._find(radius)
        return None if found is None else found[0]

    def others(self, radius: float) -> np.ndarray | None:
        """Return how many other images lie at the place of each, int64 ``(images,)``; ``None`` as above."""
        found = self._find(radius)
        return None if found is None else found[1]

    def _find(self, radius: float) -> tuple[np.ndarray, np.ndarray] | None:
        degrees = self._places.at_hand() if radius > 0 else None
        if degrees is None:
            return None
        if self._found is None or self._found[0] is not degrees or self._found[1] != radius:
            group = group_numbers(*degrees, radius)
            self._found = degrees, radius, group, _others_of(group)
        _, _, group, others = self._found
        return (group, others) if others.any() else None


def stands_for_its_place(
    order: np.ndarray, drawn: np.ndarray, group: np.ndarray, labelled: np.ndarray, judged: np.ndarray
) -> np.ndarray:
    """Return which images of a list are cards of their own, bool ``(m,)``; the others fold.

    An image folds if another one at its place was judged, or stands further up. One that has a label is
    never folded, nor is one that was drawn at random, whose label the estimate of what is unfound waits for;
    and none folds behind a draw, which stands where chance has put it.

    Parameters
    ----------
    order
        Pool indices, the first to look at first, int64 ``(m,)``.
    drawn
        Which of them were drawn at random, bool ``(m,)``.
    group
        Groups as :meth:`SamePlace.groups` returns them, int64 ``(images,)``.
    labelled
        Which images have a label, bool ``(images,)``.
    judged
        Which of them have one that tells what is at their place, bool ``(images,)``.
    """
    of_row = group[order]
    may_fold = (of_row > ALONE) & ~labelled[order] & ~drawn
    is_judged = np.zeros(int(group.max(initial=ALONE)) + 1, dtype=bool)
    is_judged[group[judged & (group > ALONE)]] = True
    stands: np.ndarray = ~may_fold
    unjudged = np.flatnonzero(may_fold)
    unjudged = unjudged[~is_judged[of_row[unjudged]]]
    _, firsts = np.unique(of_row[unjudged], return_index=True)
    stands[unjudged[firsts]] = True
    return stands


def _others_of(group: np.ndarray) -> np.ndarray:
    """Return how many other images lie at the place of each, int64 ``(images,)``."""
    together = group > ALONE
    others = np.zeros(len(group), np.int64)
    others[together] = np.bincount(group[together])[group[together]] - 1
    return others
