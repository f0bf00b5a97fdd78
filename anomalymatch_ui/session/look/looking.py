"""How a pool is looked at: one view of everything first, every view of what matters most, then of the rest.

The first images are a random sample, so that there is an order, and something to label, within seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from anomalymatch_ui.config import Config, PartConfig, Symmetry
from anomalymatch_ui.learn.keeping import end_the_other_process
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.rank import Reduction
from anomalymatch_ui.score import RowTable
from anomalymatch_ui.session.core.draw_order import draw_order_of
from anomalymatch_ui.session.core.jobs import Reporter
from anomalymatch_ui.session.look.backbone import Looker
from anomalymatch_ui.session.look.embedded import COARSE, FINE, NOT_YET, Embedded, Pairs
from anomalymatch_ui.session.look.passes import Pass, costs_of, stages
from anomalymatch_ui.session.look.sight import Look, Sight
from anomalymatch_ui.session.look.snapshot import write_snapshot
from anomalymatch_ui.stream.allocation import give_back_freed_memory

FIRST = 2_048
"""Images, drawn at random, after which there is a first order; the components are measured on them."""

PAIRS = 384
"""The first of these are looked at in every view at once: they tell what one view is worth, and how long the
whole will take."""

SEVERAL = 2
"""Pools of fewer than so many times :data:`FIRST` images are looked at once: that takes no longer."""

GROWTH = 3
"""The order is made anew when so many times as many images have been looked at."""

CHUNK = 1_024
"""Images that are looked at before it is asked again which matter most."""

KNOWN_AFTER = 256
"""Looks after which it is told how long the whole will take: the first batches warm up."""

BLOCK = 4_096  # rows of a snapshot that are in memory at one time


@dataclass(frozen=True)
class Guide:
    """What decides which images are looked at first, and who is told when an order can be made.

    Attributes
    ----------
    labelled
        Returns the rows that have a label now, int64.
    wanted
        Returns the rows that a close look matters most for, the first one most, int64.
    offer
        Told that more has been looked at than before.
    """

    labelled: Callable[[], np.ndarray]
    wanted: Callable[[], np.ndarray]
    offer: Callable[[], None]


class Looking:
    """A look at the images of a pool, which goes on where it was interrupted.

    Parameters
    ----------
    folder
        Holds the features until all are there.
    images, config, sight
        What is looked at, and how.
    adapted
        Returns the adapted weights for a look, or ``None``.
    reporter
        Told how far it is.
    """

    def __init__(
        self,
        folder: Path,
        images: ImagePool,
        config: Config,
        sight: Sight,
        adapted: Callable[[Look], Path | None],
        reporter: Reporter,
    ) -> None:
        self._folder = folder
        self._images = images
        self._config = config
        self._sight = sight
        self._reporter = reporter
        self._stack = ExitStack()
        self._lookers: dict[Look, Looker] = {
            look: Looker(images, config, look, sight.parts_of(look), adapted(look)) for look in sight.looks
        }
        end_the_other_process()
        give_back_freed_memory()
        self._fine = self._pass(sight.views(config.embedding.views_up_to), "")
        self._coarse: Pass | None = None
        self._order = np.empty(0, np.int64)
        self._components: list[Reduction] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def look(self, guide: Guide | None) -> None:
        """Look at every image in every view.

        Parameters
        ----------
        guide
            Speaks for somebody who waits: what matters to them is looked at first, and they are told when
            there is something to order. ``None`` looks in the pool's own order.
        """
        images = len(self._images)
        in_steps = guide is not None and images >= SEVERAL * FIRST
        if in_steps:
            self._prepare_steps()
        lookers = list(self._lookers.values())
        self._reporter.begin(
            "embedding",
            images,
            done=self._seen(),
            device=lookers[0].device,
            number_format=self._config.score.number_format,
            runtime=next((one.runtime for one in lookers if one.runtime.reason), lookers[0].runtime),
        )
        if not in_steps or guide is None:
            self._take(self._fine, np.arange(images))
            return
        self._look_in_steps(guide)

    def features(self) -> list[tuple[PartConfig, np.ndarray]]:
        """Return what every look in every view has told of each part, float16 ``(len(images), columns)``."""
        return list(self._parts(self._fine))

    def snapshot(self) -> Embedded:
        """Keep what is known so far as an embedding.

        Its components are those of a random sample as one view shows it. Their scale is that of fine looks,
        which differ less: a head's regularisation then means what it will when all is known.
        """
        first = self._coarse or self._fine
        sample = np.sort(self._order[:FIRST])
        sample = sample[first.done[sample]]
        if not self._components:
            kept = self._config.embedding.components
            self._components = [
                Reduction.of(table, sample, components=kept, whitening=part.whitening)
                for part, table in self._parts(first)
            ]
        depth = np.where(first.done, COARSE, NOT_YET).astype(np.uint8)
        depth[self._fine.done] = FINE
        both = sample[depth[sample] == FINE] if self._coarse is not None else sample[:0]
        reductions = [
            (reduction.levelled(table[both]) if len(both) else reduction).scaled(part.weight)
            for reduction, (part, table) in zip(self._components, self._parts(self._fine), strict=True)
        ]

        def embedded(way: Pass, rows: np.ndarray) -> np.ndarray:
            parts = zip(reductions, self._parts(way), strict=True)
            block = np.concatenate([reduction.apply(table[rows]) for reduction, (_, table) in parts], axis=1)
            block[np.isnan(block).any(axis=1)] = np.nan  # one size could be read, and another could not
            return block

        columns = sum(reduction.axes.shape[1] for reduction in reductions)

        def blocks() -> Iterator[np.ndarray]:
            for start in range(0, len(depth), BLOCK):
                rows = np.arange(start, min(start + BLOCK, len(depth)))
                block = np.full((len(rows), columns), np.nan, np.float16)
                for way, kind in ((first, COARSE), (self._fine, FINE)):
                    known = depth[rows] == kind
                    block[known] = embedded(way, rows[known])
                yield block

        pairs = Pairs(both, embedded(first, both)) if len(both) else None
        return write_snapshot(self._folder, blocks(), columns, depth, pairs)

    def _look_in_steps(self, guide: Guide) -> None:
        first, order = self._coarse or self._fine, self._order
        labelled = guide.labelled()
        self._take(first, np.union1d(labelled, order[:FIRST]))
        if first is not self._fine:
            if len(labelled) == 0:
                guide.offer()  # novelty needs no close look
            self._take(self._fine, np.union1d(labelled, order[:PAIRS]))
        guide.offer()
        if first is not self._fine:
            for stage in stages(order, self._images.block_images, GROWTH * FIRST, GROWTH):
                if not first.done[stage].all():
                    self._take(first, stage)
                    self._take(self._fine, guide.labelled())
                    guide.offer()
        offered = 0
        while not (done := self._fine.done).all():
            wanted = guide.wanted()
            wanted = wanted[~done[wanted]][:CHUNK]
            self._take(self._fine, np.sort(wanted) if len(wanted) else self._next(done))
            count = int(self._fine.done.sum())
            if (offered == 0 and len(wanted) < CHUNK) or count >= GROWTH * offered > 0:
                offered = count
                guide.offer()

    def _next(self, done: np.ndarray) -> np.ndarray:
        """Return the next images as they lie, those that were looked at left out."""
        start = int(np.argmin(done))
        return start + np.flatnonzero(~done[start : start + CHUNK])

    def _take(self, way: Pass, rows: np.ndarray) -> None:
        """Look at some images, ascending, in one way; those that were are passed over."""
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            for look, table in way.tables.items():
                missing = chunk[~table.written[chunk]]
                began = time.monotonic()
                for some, features in self._lookers[look].look(missing, way.views[look]):
                    table.write(some, features)
                    way.seconds[look] = way.seconds.get(look, 0.0) + time.monotonic() - began
                    way.counts[look] = way.counts.get(look, 0) + len(some)
                    self._tell()
                    began = time.monotonic()  # a pause does not count

    def _tell(self) -> None:
        passes = [way for way in (self._coarse, self._fine) if way is not None]
        costs = costs_of(passes)
        spent = left = 0.0
        for way, each in zip(passes, costs, strict=True):
            for look, seen, missing in way.work():
                spent += seen * each[look]
                left += missing * each[look]
        self._reporter.advance(
            self._seen(),
            closely=None if self._coarse is None else self._fine.seen,
            share=spent / (spent + left),
            seconds_left=left if sum(sum(way.counts.values()) for way in passes) >= KNOWN_AFTER else None,
        )

    def _seen(self) -> int:
        return (self._coarse or self._fine).seen

    def _prepare_steps(self) -> None:
        self._order = draw_order_of(self._images, self._config.seed)
        if any(views != "none" for views in self._fine.views.values()):
            self._coarse = self._pass(dict.fromkeys(self._sight.looks, "none"), "-coarse")

    def _pass(self, views: dict[Look, Symmetry], suffix: str) -> Pass:
        images = len(self._images)
        tables = {
            look: self._stack.enter_context(
                RowTable(self._folder / f"{look.name}{suffix}.rows", images, sum(looker.widths))
            )
            for look, looker in self._lookers.items()
        }
        return Pass(views, tables)

    def _parts(self, way: Pass) -> Iterator[tuple[PartConfig, np.ndarray]]:
        for look, looker in self._lookers.items():
            stops = np.cumsum(looker.widths).tolist()
            values = way.tables[look].values
            for part, start, stop in zip(self._sight.parts_of(look), [0, *stops], stops, strict=False):
                yield part, values[:, start:stop]
