"""What was found: images in an order, with words for what they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.session.search.query import Bounds, LabelState, Query, Sort

_NOTHING = "Nothing matches. Take a filter away."
_IN_WORDS: Mapping[Sort, tuple[str, str]] = {
    "uncertainty": ("most uncertain first", "most certain first"),
    "change": ("most changed first", "least changed first"),
    "novelty": ("most novel first", "most ordinary first"),
    "diversity": ("likeliest first, duplicates later", "duplicates and unlikeliest first"),
    "name": ("by name", "by name, backwards"),
    "random": ("in random order", "in random order, backwards"),
}


class Figures(Mapping[str, str]):
    """A figure of each image, put into words when it is asked for: a page needs 60 of a million.

    Parameters
    ----------
    pool
        The images.
    values
        By pool index, float ``(len(pool),)``; an image with NaN has none.
    words
        Puts a value into words.
    """

    def __init__(self, pool: ImagePool, values: np.ndarray, words: Callable[[float], str]) -> None:
        self._pool = pool
        self._values = values
        self._words = words

    def __getitem__(self, image_id: str) -> str:
        value = float(self._values[self._pool.index(image_id)])
        if np.isnan(value):
            raise KeyError(image_id)
        return self._words(value)

    def __iter__(self) -> Iterator[str]:
        return (self._pool.ids[row] for row in np.flatnonzero(~np.isnan(self._values)).tolist())

    def __len__(self) -> int:
        return int(np.count_nonzero(~np.isnan(self._values)))


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
    title
        What they are, to be read after their number: ``"unlabelled, most uncertain first"``.
    empty
        The sentence to show where there are none.
    captions
        Short text by image id, such as how much a label is contested; empty where the score will do.
    labels
        What an image has to be labelled as to belong here; see :attr:`Query.labels`.
    """

    order: np.ndarray
    drawn: np.ndarray
    title: str
    empty: str = _NOTHING
    captions: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[LabelState, ...] = ()
    duplicate: np.ndarray | None = None

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
        Of the ranking.

    Examples
    --------
    >>> in_words(Query(labels=("unlabelled",), text="ngc", sort="uncertainty"), "cycle 2")
    'unlabelled with “ngc”, most uncertain first'
    """
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
    by_score = f"by {source.replace('linear head', 'your labels')}"
    forward, backward = _IN_WORDS.get(query.sort, (by_score, f"{by_score}, backwards"))
    return f"{' '.join(parts)}, {backward if query.reverse else forward}"


def _range_in_words(bounds: Bounds) -> str:
    low, high = bounds
    if low is None or high is None:
        return "any" if low is high else f"to {high:g}" if low is None else f"from {low:g}"
    return f"{low:g} to {high:g}"
