"""One card for a place on the sky: which images of a list stand behind another, and lists of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import Label
from anomalymatch_ui.pool import ImagePool, index_in
from anomalymatch_ui.session.catalogue.places import Places
from anomalymatch_ui.session.catalogue.same_place import ALONE, SamePlace, stands_for_its_place
from anomalymatch_ui.session.labelling.evidence import judged_mask, labelled_mask
from anomalymatch_ui.session.search.found import Found
from anomalymatch_ui.session.search.query import Query
from anomalymatch_ui.sky import members, separations

USUAL = 1.0
"""Seconds of arc where the setting is 0 and somebody asks for the images of one place."""


class Folding:
    """Folds lists, and opens what was folded.

    Parameters
    ----------
    pool
        The images.
    places
        Where they are.
    radius
        Returns the setting, in seconds of arc; 0 folds nothing.
    """

    def __init__(self, pool: ImagePool, places: Places, radius: Callable[[], float]) -> None:
        self._pool = pool
        self._places = places
        self._radius = radius
        self._same_place = SamePlace(places)

    def others(self) -> np.ndarray | None:
        """Return how many other images lie at the place of each, int64 ``(len(pool),)``.

        ``None`` where nothing is folded.
        """
        return self._same_place.others(self._radius())

    def groups(self, radius: float) -> np.ndarray:
        """Return the place of each image, int64 ``(len(pool),)``; -1 where it is alone."""
        group = self._same_place.groups(radius)
        return np.full(len(self._pool), ALONE, np.int64) if group is None else group

    def now(self) -> np.ndarray | None:
        """Return the groups that are folded, as :meth:`SamePlace.groups`; ``None`` where nothing is."""
        return self._same_place.groups(self._radius())

    def folded(self, found: Found, query: Query, view: Mapping[str, Label]) -> Found:
        """Return a list in which one image stands for each place; it tells how many are behind these.

        Whoever asks for a cone, for chosen images or for a shuffle gets all of them.

        Parameters
        ----------
        found
            What the query finds.
        query
            What was asked for.
        view
            The labels by image id.
        """
        asks_for_all = (
            query.cone is not None
            or query.ids is not None
            or query.unreadable
            or query.disagreements
            or query.sort == "random"
        )
        group = None if asks_for_all else self.now()
        if group is None:
            return found
        labelled, judged = labelled_mask(self._pool, view), judged_mask(self._pool, view)
        stands = stands_for_its_place(found.order, found.drawn, group, labelled, judged)
        behind = int(np.count_nonzero(~stands))
        if not behind:
            return found
        left = "1 image is left: it lies" if behind == 1 else f"{behind:,} images are left: they lie"
        return replace(
            found,
            order=found.order[stands],
            drawn=found.drawn[stands],
            duplicate=None if found.duplicate is None else found.duplicate[stands],
            unlike=None if found.unlike is None else found.unlike[stands],
            title=f"{found.title}, {behind:,} more at the same places",
            empty=found.empty if stands.any() else f"Only {left} at the place of one that has a label.",
            folded=behind,
        )

    def same_place(self, radius: float | None = None, of: str = "") -> Found:
        """Find images of one place on the sky, such as an object that was cut out twice, group by group.

        Parameters
        ----------
        radius
            Seconds of arc at most from one image of a group to the next; ``None`` takes the setting.
        of
            Id of an image; only those at its place then, and it comes first.

        Raises
        ------
        InputError
            If no positions are known, the radius is not above 0, there is no image of that id, or no other
            at its place.
        """
        radius = (self._radius() or USUAL) if radius is None else radius
        if not 0 < radius < np.inf:
            raise InputError(f"The radius is in seconds of arc and above 0, not {radius!r}.")
        ra, dec = self._places.known()
        group = self._same_place.groups(radius)
        if of:
            return self._place_of(of, radius, group)
        groups = [] if group is None else members(group)
        captions = {}
        for number, rows in enumerate(groups, start=1):
            apart = separations(ra[rows], dec[rows], (float(ra[rows[0]]), float(dec[rows[0]])))
            for row, distance in zip(rows.tolist(), apart.tolist(), strict=True):
                captions[self._pool.ids[row]] = f"{number}: {distance:.2f}″"
        order = np.concatenate(groups) if groups else np.empty(0, np.int64)
        places = "1 place" if len(groups) == 1 else f"{len(groups):,} places"
        title = f"{places} with more than one image within {radius:g}″"
        return Found.in_order(order, title, captions=captions)

    def _place_of(self, image_id: str, radius: float, group: np.ndarray | None) -> Found:
        """Find the images at the place of one."""
        row = index_in(self._pool, image_id)
        if group is None or group[row] < 0:
            raise InputError(f"There is no other image within {radius:g}″ of {image_id}.")
        ra, dec = self._places.known()
        rows = np.flatnonzero(group == group[row])
        apart = separations(ra[rows], dec[rows], (float(ra[row]), float(dec[row])))
        nearest = np.lexsort((rows, apart, rows != row))
        order = rows[nearest]
        captions = {
            self._pool.ids[other]: "this one" if other == row else f"{distance:.2f}″ away"
            for other, distance in zip(order.tolist(), apart[nearest].tolist(), strict=True)
        }
        return Found.in_order(order, f"at the place of {image_id}, within {radius:g}″", captions=captions)
