"""What was found: images in an order, with words for what they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from anomalymatch_ui.labels import LABELS
from anomalymatch_ui.session.search.orders import ORDERS
from anomalymatch_ui.session.search.query import Bounds, LabelState, Query
from anomalymatch_ui.session.work.ranking import UNRANKED


@dataclass(frozen=True, eq=False)
class Found:
    """Images that were found. They stay as they are while labels are given.

    Attributes
    ----------
    order
        Pool indices, the first to look at first, int64 ``(total,)``.
    drawn
        Which of them were drawn at random, bool ``(total,)``.
    duplicate
        Which of them come later than by their score because they nearly duplicate one further up, bool
        ``(total,)``; ``None`` for none.
    unlike
        Which of them come earlier than by their score because they are unlike all that has a label, bool
        ``(total,)``; ``None`` for none.
    title
        What they are, to be read after their number: ``"unlabelled, most uncertain first"``.
    empty
        The sentence to show where there are none.
    captions
        Short text by image id, such as how much a label is contested; empty where the score will do.
    labels
        What an image has to be labelled as to belong here; see :attr:`Query.labels`.
    folded
        How many more match that lie at the place of another and are not listed.
    """

    order: np.ndarray
    drawn: np.ndarray
    title: str
    empty: str = "There are none."
    captions: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[LabelState, ...] = ()
    duplicate: np.ndarray | None = None
    unlike: np.ndarray | None = None
    folded: int = 0

    @classmethod
    def in_order(cls, order: np.ndarray, title: str, **others: Any) -> Found:
        """List images of which none was drawn at random."""
        return cls(order, np.zeros(len(order), dtype=bool), title, **others)

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.order)


def in_words(query: Query, source: str) -> str:
    """Return what a query finds, to be read after the number of images.

    Parameters
    ----------
    query
        What to look for.
    source
        Source of the ranking.

    Examples
    --------
    >>> in_words(Query(labels=("unlabelled",), text="ngc", sort="uncertainty"), "cycle 2")
    'unlabelled with “ngc”, most uncertain first'
    >>> in_words(Query(), UNRANKED)
    'images, not ranked yet'
    """
    ranked = f"by {source.replace('linear head', 'your labels')}"
    by_score = "not ranked yet" if source == UNRANKED else ranked
    forward, backward = ORDERS[query.sort].title or (by_score, f"{by_score}, backwards")
    return f"{_which(query)}, {backward if query.reverse else forward}"


def nothing(query: Query) -> str:
    """Return what to say of a query that finds no image.

    Examples
    --------
    >>> nothing(Query(labels=("unlabelled",), text="ngc"))
    'Nothing matches: unlabelled with “ngc”, which is searched for in the names. Remove a filter.'
    """
    only = query.with_values(sort=Query().sort, reverse=False, seed=None)
    if only == Query(labels=LABELS):
        return "No image has a label yet."
    if only == Query(unreadable=True):
        return "As far as is known, every image can be read."
    if only == Query(disagreements=True):
        return "There is no image on which annotators disagree."
    where = ", which is searched for in the names" if query.text else ""
    return f"Nothing matches: {_which(query)}{where}. Remove a filter."


def _which(query: Query) -> str:
    parts = [" or ".join(query.labels) or "images"]
    if query.unreadable:
        parts.append("that cannot be read")
    if query.disagreements:
        parts.append("on which annotators disagree")
    if query.ids is not None:
        parts.append("chosen")
    if query.text:
        parts.append(f"with “{query.text}”")
    if query.cone is not None:
        ra, dec, radius = query.cone
        parts.append(f"within {radius:g}″ of {ra:g} {dec:+g}")
    if query.score is not None:
        parts.append(f"with score {_range_in_words(query.score)}")
    for name, wanted in query.columns.items():
        parts.append(
            f"with {name} " + (f"“{wanted}”" if isinstance(wanted, str) else _range_in_words(wanted))
        )
    return " ".join(parts)


def _range_in_words(bounds: Bounds) -> str:
    low, high = bounds
    if low is None or high is None:
        return "any" if low is high else f"to {high:g}" if low is None else f"from {low:g}"
    return f"{low:g} to {high:g}"
