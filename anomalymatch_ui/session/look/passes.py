"""The ways in which a pool is looked at: how far each is, what it costs, and in what order images come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from anomalymatch_ui.config import Symmetry
from anomalymatch_ui.score import RowTable
from anomalymatch_ui.session.look.sight import Look

_VIEWS: dict[Symmetry, int] = {"none": 1, "mirror": 2, "square": 8}


@dataclass
class Pass:
    """One way of looking at each image of a pool.

    Attributes
    ----------
    views
        Views of each image, by look.
    tables
        What each look has told.
    seconds, counts
        How long each look took in this process, and for how many images.
    """

    views: dict[Look, Symmetry]
    tables: dict[Look, RowTable]
    seconds: dict[Look, float] = field(default_factory=dict)
    counts: dict[Look, int] = field(default_factory=dict)

    @property
    def done(self) -> np.ndarray:
        """Which images were looked at in this way, bool ``(len(pool),)``."""
        written: np.ndarray = np.logical_and.reduce([table.written for table in self.tables.values()])
        return written

    @property
    def seen(self) -> int:
        """How many images' worth of work is done: of two looks at an image, one is half."""
        return sum(int(table.written.sum()) for table in self.tables.values()) // len(self.tables)

    def work(self) -> Iterator[tuple[Look, int, int]]:
        """Return each look, the images that it has seen, and those that it has not."""
        for look, table in self.tables.items():
            seen = int(table.written.sum())
            yield look, seen, len(table.written) - seen


def costs_of(passes: Sequence[Pass]) -> list[dict[Look, float]]:
    """Return the seconds an image takes, by look, in each pass: as measured, else by pixels and views."""
    weights = [{look: look.size**2 * _VIEWS[views] for look, views in way.views.items()} for way in passes]
    pairs = list(zip(passes, weights, strict=True))
    seconds = sum(sum(way.seconds.values()) for way in passes)
    weighed = sum(count * each[look] for way, each in pairs for look, count in way.counts.items())
    pace = seconds / weighed if weighed else 1.0
    return [
        {
            look: way.seconds[look] / way.counts[look] if way.counts.get(look) else pace * weight
            for look, weight in each.items()
        }
        for way, each in pairs
    ]


def stages(order: np.ndarray, block: int, first: int, growth: int) -> Iterator[np.ndarray]:
    """Part the rows of a pool into stages at random, each some times as large as all before.

    So whatever has been looked at tells of the pool as it is. But images that lie in one block stay together,
    and each stage ascends, so that a block is read once and an archive's file a few times.

    Parameters
    ----------
    order
        Rows in random order, int64 ``(n,)``.
    block
        Images that are best read at one time; see :class:`~anomalymatch_ui.pool.ImagePool`.
    first
        Images of the first stage, about.
    growth
        How many times as many there are after each further stage.

    Yields
    ------
    numpy.ndarray
        Rows, int64, ascending.
    """
    blocks = order // block
    _, places = np.unique(blocks, return_index=True)
    in_turn = blocks[np.sort(places)]
    start, stop = 0, max(1, first // block)
    while start < len(in_turn):
        rows = (in_turn[start:stop, None] * block + np.arange(block)).ravel()
        yield np.sort(rows[rows < len(order)])
        start, stop = stop, growth * stop
