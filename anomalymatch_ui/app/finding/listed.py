"""What the gallery lists: images in an order, under a title."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from anomalymatch_ui.app.words import MEANINGS, Kind, said
from anomalymatch_ui.labels.marks import Marks
from anomalymatch_ui.pool import ImagePool


@dataclass(frozen=True, eq=False)
class Listed:
    """Images in an order, under a title.

    Attributes
    ----------
    order
        Pool indices, the first to look at first, int64 ``(n,)``.
    drawn
        Which of them were drawn at random, bool ``(n,)``.
    duplicate
        Which of them come later than by their score because they nearly duplicate one further up, bool
        ``(n,)``.
    unlike
        Which of them come earlier than by their score because they are unlike all that has a label, bool
        ``(n,)``.
    title
        What they are, read after their number: ``"unlabelled, by cycle 3"``.
    empty
        The sentence shown where there are none.
    captions
        Short text by image id, shown on the card in place of the score.
    number
        Tells one listing from another.
    """

    order: np.ndarray
    drawn: np.ndarray
    duplicate: np.ndarray
    unlike: np.ndarray
    title: str
    empty: str
    captions: Mapping[str, str] = field(default_factory=dict)
    number: int = 0

    def pages(self, size: int) -> int:
        """Return the number of pages of ``size`` images."""
        return math.ceil(len(self.order) / size)

    def indices(self, page: int, size: int) -> list[int]:
        """Return the pool indices on a page, counted from 0."""
        return [int(index) for index in self.order[page * size : (page + 1) * size]]

    def cards(
        self,
        page: int,
        size: int,
        pool: ImagePool,
        scores: np.ndarray,
        kind: Kind,
        labels: Mapping[str, str],
        marks: Mapping[str, Marks],
        readable: Sequence[bool],
        others: np.ndarray | None,
    ) -> list[dict[str, Any]]:
        """Describe the cards of a page to the browser.

        Parameters
        ----------
        page, size
            Which page, counted from 0, of how many images.
        pool
            The images.
        scores
            By pool index, float32 ``(len(pool),)``; NaN where there is none.
        kind
            What these are.
        labels, marks
            The current labels, tags and notes by image id.
        readable
            For each image of the page, whether it could be read.
        others
            How many more there are at the place of each image, by pool index; ``None`` for none.
        """
        cards = []
        places = slice(page * size, (page + 1) * size)
        indices = self.indices(page, size)
        for index, why, can_be_read in zip(indices, self._why(places), readable, strict=True):
            name, score = pool.ids[index], float(scores[index])
            card = {
                "id": name,
                "score": score if math.isfinite(score) else None,
                "said": said(score, kind, len(pool)),
                "meaning": MEANINGS[kind],
                "label": labels.get(name),
                **on_card(marks.get(name, Marks())),
                "readable": can_be_read,
                "why": why,
            }
            if others is not None and others[index]:
                card["others"] = int(others[index])
            if name in self.captions:
                card["caption"] = self.captions[name]
            cards.append(card)
        return cards

    def _why(self, places: slice) -> list[str]:
        """Return why each image stands where its score alone would not put it; nothing for most."""
        reasons = [self.drawn[places], self.duplicate[places], self.unlike[places]]
        why: list[str] = np.select(reasons, ["drawn", "duplicate", "unlike"], "").tolist()
        return why


def on_card(marks: Marks) -> dict[str, Any]:
    """Return what the browser gets of what is said of an image beside its label."""
    return {
        "tags": list(marks.tags),
        "note": marks.note,
        "favourite": marks.favourite,
        "interest": marks.interest,
    }
