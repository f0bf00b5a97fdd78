"""The orders that images can be listed in: one entry of :data:`ORDERS` each, and nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.rank import Acquisition
from anomalymatch_ui.session.search.insight import Insight
from anomalymatch_ui.session.work.cycles import Cycles
from anomalymatch_ui.session.work.ranking import Ranking


@dataclass(frozen=True)
class AtHand:
    """What an order can go by.

    Attributes
    ----------
    pool
        The images.
    ranking
        The newest ranking, or the one on the screen.
    matches
        Which images are asked for, bool ``(len(pool),)``.
    insight, cycles
        What the session can say beyond the order, and its finished cycles.
    names
        Returns the pool indices in the natural order of the ids, int64 ``(len(pool),)``.
    seed
        Seed of what is drawn at random.
    """

    pool: ImagePool
    ranking: Ranking
    matches: np.ndarray
    insight: Insight
    cycles: Cycles
    names: Callable[[], np.ndarray]
    seed: int


Arranged = tuple[np.ndarray, Mapping[str, str]]
"""Pool indices, int64, of images that match; those left out come last. And captions by image id."""


@dataclass(frozen=True)
class Order:
    """An order that images can be listed in.

    Attributes
    ----------
    name
        What it is called in a query and in the menu.
    meaning
        What comes first, for who reads the documentation.
    title
        What a list is called, forwards and backwards; ``None`` for the name of what gave the scores.
    arrange
        Puts the images into the order.
    needs
        What there has to be: a ranking (``"scores"``), an anomaly among the labels, too (``"decision"``),
        or nothing.
    """

    name: str
    meaning: str
    title: tuple[str, str] | None
    arrange: Callable[[AtHand], Arranged]
    needs: Literal["scores", "decision"] | None = None

    def arranged(self, at_hand: AtHand) -> Arranged:
        """Return the images that match in this order, and captions.

        Raises
        ------
        InputError
            If there is nothing yet to sort by.
        """
        if self.needs is not None and at_hand.ranking.version == 0:
            raise InputError(
                f"There is no {self.name} to sort by before the images are ranked. Sort by name, or rank."
            )
        if self.needs == "decision" and at_hand.ranking.source == "novelty":
            raise InputError("There is no uncertainty before an anomaly is labelled. Sort by novelty.")
        return self.arrange(at_hand)


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


def by_value(values: np.ndarray, matches: np.ndarray) -> np.ndarray:
    """Return the rows that match from the highest value to the lowest; those with NaN are left out."""
    rows = np.flatnonzero(matches & ~np.isnan(values))
    order: np.ndarray = rows[np.argsort(-values[rows], kind="stable")]
    return order


def _picked(order: np.ndarray, matches: np.ndarray) -> np.ndarray:
    picked: np.ndarray = order[matches[order]].astype(np.int64)
    return picked


def _as_acquired(strategy: Acquisition | None) -> Callable[[AtHand], Arranged]:
    """Return what puts images into the order of an acquisition strategy; ``None`` takes the settings'."""
    return lambda at_hand: (at_hand.insight.arranged(~at_hand.matches, strategy, at_hand.ranking), {})


def _by_change(at_hand: AtHand) -> Arranged:
    change = at_hand.cycles.change()
    if np.isnan(change).all():
        raise InputError(
            "There is no change to sort by before two training cycles have ranked the images. "
            "Train again, or sort by another order."
        )
    captions = Figures(at_hand.pool, change, lambda value: f"change {value:+.2f}")
    return by_value(np.abs(change), at_hand.matches), captions


def _by_novelty(at_hand: AtHand) -> Arranged:
    novelty = at_hand.insight.novelty()
    captions = Figures(at_hand.pool, novelty, lambda value: f"novelty {value:.3f}")
    return by_value(novelty, at_hand.matches), captions


def _by_name(at_hand: AtHand) -> Arranged:
    return _picked(at_hand.names(), at_hand.matches), {}


def _at_random(at_hand: AtHand) -> Arranged:
    shuffled = np.random.default_rng(at_hand.seed).permutation(len(at_hand.pool))
    return _picked(shuffled, at_hand.matches), {}


_ORDERS = (
    Order(
        "shown first",
        "what to look at next, as the settings have it, a random share among it",
        None,
        _as_acquired(None),
    ),
    Order(
        "probability",
        "the likeliest anomaly, as the newest ranking has it",
        None,
        _as_acquired("most_likely"),
        "scores",
    ),
    Order(
        "uncertainty",
        "nearest to the decision",
        ("most uncertain first", "most certain first"),
        _as_acquired("uncertain"),
        "decision",
    ),
    Order(
        "change",
        "the largest difference of the network's scores between the last two cycles",
        ("most changed first", "least changed first"),
        _by_change,
    ),
    Order(
        "novelty",
        "the least ordinary, whatever the labels",
        ("most novel first", "most ordinary first"),
        _by_novelty,
    ),
    Order(
        "diversity",
        "the likeliest anomaly, near-duplicates later",
        ("likeliest first, duplicates later", "duplicates and unlikeliest first"),
        _as_acquired("diverse"),
        "scores",
    ),
    Order(
        "name",
        "in natural order, so that 10 follows 9",
        ("by name", "by name, backwards"),
        _by_name,
    ),
    Order(
        "random",
        "a shuffle of the pool, the same for the same seed",
        ("in random order", "in random order, backwards"),
        _at_random,
    ),
)

ORDERS: Mapping[str, Order] = {order.name: order for order in _ORDERS}
"""The orders by name, as the menu lists them."""
