"""Finding images: those that pass a query's filters, in the order it asks for, and a few ready-made views."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import LABELS, MARKS, Label
from anomalymatch_ui.pool import index_in
from anomalymatch_ui.session.catalogue.column import Column, Texts, with_text
from anomalymatch_ui.session.catalogue.known import COLUMNS as KNOWN_COLUMNS
from anomalymatch_ui.session.catalogue.known import KnownObjects
from anomalymatch_ui.session.catalogue.metadata import MATCH_RADIUS, METADATA_FILE, Metadata
from anomalymatch_ui.session.catalogue.places import Places
from anomalymatch_ui.session.core.context import Context
from anomalymatch_ui.session.core.status import Counts
from anomalymatch_ui.session.labelling.marking import COLUMNS as MARK_COLUMNS
from anomalymatch_ui.session.labelling.marking import mark_columns
from anomalymatch_ui.session.labelling.people import People
from anomalymatch_ui.session.search.folding import Folding
from anomalymatch_ui.session.search.found import Found, in_words, nothing
from anomalymatch_ui.session.search.insight import Insight
from anomalymatch_ui.session.search.orders import ORDERS, AtHand
from anomalymatch_ui.session.search.query import LABEL_STATES, Bounds, LabelState, Query
from anomalymatch_ui.session.work.cycles import Cycles
from anomalymatch_ui.session.work.ranking import Ranking
from anomalymatch_ui.session.work.rankings import Rankings
from anomalymatch_ui.sky import within_cone

_OURS = (*MARK_COLUMNS, *KNOWN_COLUMNS)
_LONGEST = 20  # digits of a number that is compared as one; a file name seldom holds more
_DIGITS = re.compile(rf"[0-9]{{1,{_LONGEST}}}")


class Finding:
    """Finds images of a session's pool.

    Parameters
    ----------
    context, rankings, insight, cycles, people
        What the parts of the session share, its rankings, what it can say beyond the order, its finished
        cycles, and who labels.

    Attributes
    ----------
    metadata
        Columns to filter by.
    places
        Where the images are on the sky.
    known
        Which of them show objects that somebody has catalogued.
    folding
        Which of them stand behind another of the same place.
    """

    def __init__(
        self, context: Context, rankings: Rankings, insight: Insight, cycles: Cycles, people: People
    ) -> None:
        folder, pool, journal = context.folder, context.pool, context.journal
        self.metadata = Metadata(pool, journal.extras, folder.path / METADATA_FILE)
        self.places = Places(pool, self.metadata.columns)
        self.known = KnownObjects(folder, pool, self.places)
        self.folding = Folding(pool, self.places, lambda: context.config.acquisition.same_place)
        self._pool = pool
        self._context = context
        self._journal = journal
        self._rankings = rankings
        self._insight = insight
        self._cycles = cycles
        self._people = people
        self._by_name: np.ndarray | None = None
        self._texts: Sequence[str] | None = None
        self._states: tuple[Mapping[str, Label], np.ndarray] | None = None

    def find(self, query: Query | None = None, ranking: Ranking | None = None) -> Found:
        """Find images.

        The images without a label, as they are to be looked at next, hold a random share; nothing else
        does, because what a filter lets through is no sample of the pool.

        Parameters
        ----------
        query
            What to look for; ``None`` takes the images without a label, what to look at next first.
        ranking
            The ranking to sort by; ``None`` takes the newest.

        Returns
        -------
        Found
            The images in order, with a title, captions, and which of them were drawn at random.

        Raises
        ------
        InputError
            If a column or an id is unknown, or there is nothing yet to sort by.
        """
        query = query or TO_LABEL
        ranking = ranking or self._rankings.newest
        if query == TO_LABEL:
            listing = self._insight.listing(ranking=ranking)
            empty = "Every image that can be read has a label."
            title = in_words(query, ranking.source)
            found = Found(
                listing.order,
                listing.drawn,
                title,
                empty,
                duplicate=listing.duplicate,
                unlike=listing.unlike,
                labels=query.labels,
            )
            return self.folding.folded(found, query, self._journal.view())
        matches = self._matches(query, ranking)
        order, captions = self._ordered(query, matches, ranking)
        if query.disagreements:
            captions = self._words_on(order)
        title = in_words(query, ranking.source)
        found = Found.in_order(order, title, empty=nothing(query), captions=captions, labels=query.labels)
        return self.folding.folded(found, query, self._journal.view())

    def keep(self, table: Path, radius: float = MATCH_RADIUS) -> str | None:
        """Add a table of metadata, or replace the one that was there; see :meth:`Metadata.keep`.

        The sentence also says by which name a column is found that is called like one of ours.
        """
        said = self.metadata.keep(table, self.places.of_images, radius)
        of_table = _found_as(self.metadata.names_in_table())
        names = {theirs: name for name, theirs in of_table.items() if name != theirs}
        if said is None or not names:
            return said
        called = ", ".join(f"{theirs!r} is called {name!r}" for theirs, name in names.items())
        return f"{said} In filters its column {called}, for the session has one of that name."

    def similar(self, ids: Iterable[str], count: int = 60) -> Found:
        """Find the images most like some others, which come first. Raises as :meth:`Insight.similar`."""
        ids = [ids] if isinstance(ids, str) else list(ids)
        alike = self._insight.neighbours(ids, count)
        asked = np.array([self._pool.index(name) for name in ids], dtype=np.int64)
        names = [self._pool.ids[row] for row in alike.indices]
        captions = {
            name: f"alike {cosine:.2f}" for name, cosine in zip(names, alike.similarities, strict=True)
        }
        captions |= dict.fromkeys(ids, "this one")
        title = f"like {ids[0]}" if len(ids) == 1 else f"like {len(ids):,} images"
        return Found.in_order(np.concatenate([asked, alike.indices]), title, captions=captions)

    def same_place(self, radius: float | None = None, of: str = "") -> Found:
        """Find images of one place on the sky, such as a galaxy cut twice; see :meth:`Folding.same_place`."""
        return self.folding.same_place(radius, of)

    def audit(self) -> Found:
        """List the labels, the most contested first. Raises as :meth:`Insight.audit`."""
        audit = self._insight.audit()
        order = np.array([self._pool.index(item.image_id) for item in audit], dtype=np.int64)
        captions = {
            item.image_id: "cannot be judged" if math.isnan(item.contest) else f"contest {item.contest:.2f}"
            for item in audit
        }
        return Found.in_order(order, "labels, the most contested first", captions=captions)

    def counts(self, found: Found) -> Counts:
        """Count how the images found are labelled now."""
        counted = np.bincount(self._label_states()[found.order], minlength=len(LABEL_STATES)).tolist()
        return Counts(found.total, *counted[: len(LABELS)])

    def remaining(self, found: Found) -> list[str]:
        """Return the ids of those found that are still labelled as was asked for, in order.

        A label given on one of them may have taken it out of what was asked for, such as the images
        without a label.
        """
        order = found.order
        if found.labels:
            order = order[_with_states(self._label_states()[order], found.labels)]
        return [self._pool.ids[row] for row in order]

    def _matches(self, query: Query, ranking: Ranking) -> np.ndarray:
        """Return which images pass every filter, bool ``(len(pool),)``."""
        unreadable = self._unreadable(ranking)
        matches = unreadable if query.unreadable else ~unreadable
        if query.labels:
            matches &= _with_states(self._label_states(), query.labels)
        if query.score is not None:
            matches &= _within(ranking.scores, query.score)
        if query.ids is not None:
            matches &= self._mask_of(query.ids)
        if query.disagreements:
            matches &= self._mask_of(self._people.disagreements())
        if query.cone is not None:
            *centre, radius = query.cone
            matches &= within_cone(*self.places.known(), (centre[0], centre[1]), radius)
        for name, wanted in query.columns.items():
            matches &= _in_column(self._column(name), wanted)
        if query.text:
            matches &= with_text(self._folded_names(), query.text)
        return matches

    def columns(self) -> dict[str, Column]:
        """Return what images can be found by: the metadata, and tags, notes and known objects if any.

        A column of the metadata that is called like one of ours, as ``interest``, is ``interest_given``.
        """
        marked = mark_columns(self._pool, self._journal)
        columns = self.metadata.columns()
        given = {name: columns[theirs] for name, theirs in _found_as(columns).items()}
        return {**given, **marked, **self.known.filters()}

    def _column(self, name: str) -> Column:
        own = mark_columns(self._pool, self._journal) if name in MARK_COLUMNS else {}
        if name in KNOWN_COLUMNS:
            own = self.known.filters()
        if name not in own and name not in _OURS:
            return self.metadata.column(_found_as(self.metadata.columns()).get(name, name))
        return own.get(name) or self.metadata.column(name)

    def _ordered(
        self, query: Query, matches: np.ndarray, ranking: Ranking
    ) -> tuple[np.ndarray, Mapping[str, str]]:
        """Put images into an order, those it cannot tell about last; return captions, too."""
        seed = self._context.config.seed if query.seed is None else query.seed
        at_hand = AtHand(self._pool, ranking, matches, self._insight, self._cycles, self._names, seed)
        order, captions = ORDERS[query.sort].arranged(at_hand)
        if query.reverse:
            order = order[::-1]
        rest = matches.copy()
        rest[order] = False
        return np.concatenate([order, np.flatnonzero(rest)]), captions

    def _names(self) -> np.ndarray:
        if self._by_name is None:
            self._by_name = natural_order(self._pool.ids)
        return self._by_name

    def _folded_names(self) -> Sequence[str]:
        """Return the names as they are searched."""
        if self._texts is None:
            self._texts = Texts.of(self._pool.ids)
        return self._texts

    def _unreadable(self, ranking: Ranking) -> np.ndarray:
        """Return which images cannot be read, as far as is known, bool ``(len(pool),)``."""
        unreadable = self._mask_of(self._pool.report.unreadable)
        if ranking.version > 0:
            without = np.isnan(ranking.scores)
            without[ranking.not_yet] = False
            unreadable |= without
        return unreadable

    def _mask_of(self, ids: Iterable[str]) -> np.ndarray:
        mask = np.zeros(len(self._pool), dtype=bool)
        for image_id in ids:
            mask[index_in(self._pool, image_id)] = True
        return mask

    def _label_states(self) -> np.ndarray:
        """Return the place in ``LABEL_STATES`` of each image's label, int8 ``(len(pool),)``."""
        view = self._journal.view()
        if self._states is None or self._states[0] is not view:
            states = np.full(len(self._pool), LABEL_STATES.index("unlabelled"), dtype=np.int8)
            for image_id, label in view.items():
                if image_id in self._pool:  # it may have been deleted from the folder since
                    states[self._pool.index(image_id)] = LABEL_STATES.index(label)
            self._states = view, states
        return self._states[1]

    def _words_on(self, order: np.ndarray) -> dict[str, str]:
        """Return what each annotator calls each image."""
        words = self._people.words()
        names = [self._pool.ids[row] for row in order]
        return {
            name: " · ".join(f"{who} {MARKS[own[name]]}" for who, own in words.items() if name in own)
            for name in names
        }


TO_LABEL = Query(labels=("unlabelled",))
"""The images without a label, what to look at next first."""


def _found_as(columns: Iterable[str]) -> dict[str, str]:
    """Return the names of the metadata's columns, by the names that they are found by."""
    names = list(columns)
    found: dict[str, str] = {}
    for name in names:
        taken = {*found, *names, *_OURS}
        numbers = ("", *(f"_{number}" for number in range(2, len(taken) + 2)))
        given = (f"{name}_given{number}" for number in numbers)
        found[next(free for free in given if free not in taken) if name in _OURS else name] = name
    return found


def natural_order(ids: Sequence[str]) -> np.ndarray:
    """Sort texts as people do: numbers in them by value, upper and lower case alike.

    Returns
    -------
    numpy.ndarray
        int64 ``(len(ids),)``, positions in ``ids``.

    Examples
    --------
    >>> natural_order(["b10", "B9", "a"])
    array([2, 1, 0])
    """
    # Padded, numbers compare as text does, which takes a third of the time that lists of parts take.
    keys = [_DIGITS.sub(_padded, one.casefold()) for one in ids]
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)


def _padded(digits: re.Match[str]) -> str:
    return digits[0].lstrip("0").zfill(_LONGEST)


def _with_states(states: np.ndarray, wanted: Iterable[LabelState]) -> np.ndarray:
    return np.isin(states, [LABEL_STATES.index(state) for state in wanted])


def _within(values: np.ndarray, bounds: Bounds) -> np.ndarray:
    """Return which values lie within bounds, which NaN does not."""
    low, high = (-np.inf if bounds[0] is None else bounds[0]), (np.inf if bounds[1] is None else bounds[1])
    within: np.ndarray = (values >= low) & (values <= high)
    return within


def _in_column(column: Column, wanted: Bounds | str) -> np.ndarray:
    if isinstance(wanted, str):
        return with_text(column.texts, wanted)
    if column.numbers is None:
        raise InputError(f"The column {column.name!r} holds text. Give a part of the text to look for.")
    return _within(column.numbers, wanted)
