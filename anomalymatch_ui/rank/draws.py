"""The random share: at which looks an image is drawn, which image, and which of them sample the pool.

Every so many *looks* one is at an image drawn at random, whatever rankings come between: what was looked at
decides how many draws were offered, not where a list begins. The images drawn are the first of one shuffled
order of the pool, the *draw order*. One of them that a ranking puts further up is shown there; its draw is
then over, and the card in its place goes by the ranking.

So the first ``k`` of the draw order, ``k`` being the draws offered so far, have all been looked at. How many
they are depends on the looks alone, never on what a ranking chose or a label said: they are a simple random
sample of the pool, however good or bad the rankings are.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, insort
from collections.abc import Iterable

import numpy as np

CATCH_UP = 4
"""A draw that was passed over is offered again at this many times the usual pace, until none is due."""


def draw_order(images: Iterable[str] | int, seed: int) -> np.ndarray:
    """Return the rows of a pool in the order in which they are drawn at random, int64 ``(n,)``.

    An image's place goes by a keyed hash of its name alone; where rows have only numbers, by a random number
    of its own. So the first rows are a uniform sample of the pool, whatever the scores and labels; and where
    images come and go, the others keep their order, so that what was drawn before still counts.

    A million names take a second, a million numbers a quarter of one.

    Parameters
    ----------
    images
        Names of all, in the order of the rows; or how many numbered rows there are, of which more may follow.
    seed
        Seed of the draw: another one gives another order.
    """
    if isinstance(images, int):
        return np.argsort(np.random.default_rng(seed).random(images), kind="stable")
    keyed = hashlib.blake2b(key=str(seed).encode(), digest_size=8)
    digests = bytearray()
    for name in images:
        its = keyed.copy()
        its.update(name.encode("utf-8", "surrogatepass"))  # names of files need not be valid text
        digests += its.digest()
    return np.argsort(np.frombuffer(digests, ">u8"), kind="stable")


def draws_offered(looks: int, every: int) -> int:
    """Return how many draws belong to so many looks, one in ``every`` of them; 0 for none."""
    return looks // every if every > 0 else 0


def drawn_so_far(shuffled: np.ndarray, labelled: np.ndarray, offered: int) -> np.ndarray:
    """Return the rows that are a uniform sample of all images and have a label each.

    They are the first of the draw order, as many as draws were offered, however each got its label: because
    it was drawn, because a ranking chose it, or from a table. Those found before their draw are among
    them, so that the estimate needs no guess at what a ranking took away; those found ahead of the draws
    offered are not, for only a ranking could have chosen them. Where a draw was passed over without a label,
    the sample ends there until it has one.

    Parameters
    ----------
    shuffled
        Rows that may be drawn, in the order in which they are; see :func:`draw_order`.
    labelled
        bool ``(n,)``, by row.
    offered
        Draws so far; see :func:`draws_offered`.
    """
    first = shuffled[:offered]
    waiting = np.flatnonzero(~labelled[first])
    return first[: waiting[0]] if len(waiting) else first


def with_draws(
    order: np.ndarray, shuffled: np.ndarray, *, every: int, looks: int
) -> tuple[np.ndarray, np.ndarray]:
    """Put the images that are due to be drawn among those of an order, each at the earlier of its two places.

    The first place is look ``looks + 1``. Look ``n`` offers a draw where ``n`` is a multiple of ``every``:
    the image of that number in the draw order, if it is listed and does not stand further up. While a draw is
    due that was passed over, as where somebody has labelled in other lists, there are :data:`CATCH_UP` times
    as many such places.

    Parameters
    ----------
    order
        Rows of the images listed, the first to look at first, int64 ``(m,)``.
    shuffled
        Rows that may be drawn, those with a label among them, in the order in which they are drawn.
    every
        A look in so many is a draw, from 1 on.
    looks
        Images that were looked at before this list.

    Returns
    -------
    order : numpy.ndarray
        The same rows, int64 ``(m,)``.
    drawn : numpy.ndarray
        Whether the image at that place is there because it was drawn, bool ``(m,)``.
    """
    ranks = np.full(max(order.max(initial=-1), shuffled.max(initial=-1)) + 1, -1, np.int64)
    ranks[order] = np.arange(len(order))
    numbers = np.flatnonzero(ranks[shuffled] >= 0)
    due = (numbers + 1) * every - looks - 1
    within = due < len(order)
    places, chosen = _places_of_draws(
        due[within].tolist(), ranks[shuffled[numbers[within]]].tolist(), every, looks, len(order)
    )
    drawn = np.zeros(len(order), dtype=bool)
    drawn[places] = True
    arranged = np.empty_like(order)
    arranged[drawn], arranged[~drawn] = order[chosen], np.delete(order, chosen)
    return arranged, drawn


def _places_of_draws(
    due: list[int], ranks: list[int], every: int, looks: int, length: int
) -> tuple[list[int], list[int]]:
    """Return the places of a list that hold draws, ascending, and the ranks of the images drawn there.

    Parameters
    ----------
    due
        Place at which each image is due, ascending; below 0 where its draw was passed over.
    ranks
        Ranks of the same images in the order that the list follows between the draws.
    every, looks, length
        See :func:`with_draws`; ``length`` is that of the list.
    """
    pace = max(every // CATCH_UP, 1)
    places: list[int] = []
    chosen: list[int] = []
    ascending: list[int] = []  # the same as ``chosen``
    for own, rank in zip(due, ranks, strict=True):
        first = places[-1] + 1 if places else 0
        place = own if own >= first else first + -(looks + 1 + first) % pace
        if place >= length:
            break
        stands_at = rank - bisect_left(ascending, rank)  # among those not drawn
        if stands_at < place - len(places):
            continue
        places.append(place)
        chosen.append(rank)
        insort(ascending, rank)
    return places, chosen
