"""A cycle's network over the session's pool, into an archive of its scores; a stop loses none of them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from anomalymatch_ui._version import __version__
from anomalymatch_ui.config import Config, Symmetry
from anomalymatch_ui.learn import AnomalyNetwork, network_digest
from anomalymatch_ui.pool import ImagePool, SubsetPool
from anomalymatch_ui.score import Archive, RowTable
from anomalymatch_ui.score.archive import UNDER_WAY, Survey, begin
from anomalymatch_ui.score.archiving import write_missing
from anomalymatch_ui.score.local_engine import arithmetic_of, assemble, check_scores, runs_of
from anomalymatch_ui.score.manifest import ArchiveManifest
from anomalymatch_ui.score.shards import EncodedShard
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.jobs import Reporter
from anomalymatch_ui.session.work.network_scores import made_ready, scored_by_network
from anomalymatch_ui.stream import ScoredBatch, batch_ranges, batch_size_for
from anomalymatch_ui.stream.clock import StageClock

PATIENCE = 120.0
"""Seconds to wait for a process whose lock was taken over to end with its batch."""


class NetworkEngine:
    """Scores a session's pool by a network, and keeps each score by row until its shard is whole.

    Parameters
    ----------
    pool, network, config, symmetry
        What is scored, by what, and in which views.
    folder
        The files of the session.
    reporter
        Told how far it is.
    """

    def __init__(
        self,
        pool: ImagePool,
        network: AnomalyNetwork,
        config: Config,
        symmetry: Symmetry,
        folder: SessionFolder,
        reporter: Reporter,
    ) -> None:
        self._pool, self._network, self._config, self._symmetry = pool, network, config, symmetry
        self._folder, self._reporter = folder, reporter
        self._scorer = made_ready(network, config)

    def manifest(self, begun: ArchiveManifest | None) -> ArchiveManifest:
        """Return what the scores belong to; of those that were begun in shards and batches of their size."""
        scoring, scorer, images = self._config.score, self._scorer, len(self._pool)
        if begun is None:
            batch_size, shard_size = (
                batch_size_for(scoring, scorer, images, self._symmetry),
                scoring.shard_size,
            )
        else:
            batch_size, shard_size = begun.batch_size, begun.shard_size
        return ArchiveManifest(
            model=network_digest(self._network),
            pool=self._pool.digest,
            images=images,
            software=__version__,
            image_size=self._network.image_size,
            symmetry=self._symmetry,
            components=0,
            batch_size=batch_size,
            compiled=scoring.compiled,
            shard_size=shard_size,
            **asdict(arithmetic_of(scorer.device, scoring.number_format, scorer.runtime)),
        )

    def write(
        self,
        folder: Path,
        manifest: ArchiveManifest,
        first: Callable[[], np.ndarray] | None,
        offer: Callable[[np.ndarray], None],
    ) -> Survey:
        """Write what is missing of an archive, or damaged.

        Parameters
        ----------
        folder, manifest
            Folder and manifest of the archive.
        first
            Returns the pool indices of what is scored before the rest, int64 ``(n,)``, each once; ``None``
            for nothing.
        offer
            Given all scores by then, float32 ``(len(pool),)``, NaN where there is none.

        Returns
        -------
        Survey
            What had to be done.

        Raises
        ------
        InputError
            If the network gives no numbers.
        StorageError
            If the disk refuses; what was scored stays.
        StoreBusyError
            If another process writes there and does not end.
        """
        with begin(folder, manifest, patience=PATIENCE):
            with RowTable(folder / UNDER_WAY, len(self._pool), 1, "<f4") as known:
                if first is not None:
                    self._score_first(known, first())
                    offer(np.where(known.written, known.values[:, 0], np.nan).astype(np.float32))
                archive = Archive(folder, manifest, None)
                survey, _, _ = write_missing(archive, partial(self._score, known), _quietly, StageClock())
            (folder / UNDER_WAY).unlink(missing_ok=True)
        return survey

    def _score_first(self, known: RowTable, wanted: np.ndarray) -> None:
        rows = wanted[~known.written[wanted]]
        if len(rows) == 0:
            return
        part = SubsetPool(self._pool, [self._pool.ids[row] for row in rows.tolist()])
        with self._scored(part, self._config, keep_maps=False) as batches:
            for batch in batches:
                self._keep(known, rows, batch)
                self._reporter.advance(batch.asked.stop)

    def _score(
        self, known: RowTable, archive: Archive, missing: Sequence[int]
    ) -> Generator[EncodedShard, None, None]:
        """Score shards, in order; what an earlier run has come to is not scored again."""
        archive.set_aside(missing)  # what of it is there is damaged
        manifest, pool = archive.manifest, self._pool
        size, batch = manifest.shard_size, manifest.batch_size
        config = self._config.with_values(score={"batch_size": batch})
        for first, last in runs_of(missing):
            begun, stop = manifest.indices(first).start, manifest.indices(last).stop
            start = begun + int(np.argmin(np.append(known.written[begun:stop], False)))
            # Where the run before had ended with a batch: so a stop changes no batch, and no last digit.
            start -= (start - start // size * size) % batch if start < stop else 0
            with self._scored(pool, config, start=start, stop=stop, shard_size=size) as computed:
                batches = chain(
                    _written(known, batch_ranges(begun, start, size, size)), self._kept(known, computed)
                )
                for number in range(first, last + 1):
                    yield archive.encode(number, assemble(pool, manifest.indices(number), batches, None))

    def _kept(self, known: RowTable, batches: Iterator[ScoredBatch]) -> Iterator[ScoredBatch]:
        every = np.arange(len(self._pool))
        for batch in batches:
            self._keep(known, every, batch)
            self._reporter.advance(batch.asked.stop)
            yield batch

    def _keep(self, known: RowTable, rows: np.ndarray, batch: ScoredBatch) -> None:
        """Write a batch's scores, of these rows; NaN for images that cannot be read, and for no others."""
        check_scores(batch.scores, lambda at: self._pool.ids[int(rows[batch.indices[at]])])
        scores = np.full((len(batch.asked), 1), np.nan, np.float32)
        scores[batch.indices - batch.asked.start, 0] = batch.scores
        known.write(rows[batch.asked.start : batch.asked.stop], scores)

    def _scored(
        self, images: ImagePool, config: Config, **part: Any
    ) -> AbstractContextManager[Iterator[ScoredBatch]]:
        network, symmetry, folder = self._network, self._symmetry, self._folder
        return scored_by_network(
            images, network, config, symmetry, folder, self._reporter, scorer=self._scorer, **part
        )


def _written(known: RowTable, ranges: Iterable[range]) -> Iterator[ScoredBatch]:
    """Yield what an earlier run has scored."""
    for asked in ranges:
        scores = np.array(known.values[asked.start : asked.stop, 0])
        readable = np.flatnonzero(~np.isnan(scores))
        nothing = np.empty((len(readable), 0), np.float16)
        yield ScoredBatch(asked, asked.start + readable, scores[readable], nothing)


def _quietly(title: str) -> Callable[[int, int], None]:
    """Advance nothing: a session tells how far it is by its reporter, batch by batch."""
    return lambda done, total: None
