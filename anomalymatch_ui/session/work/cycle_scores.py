"""Scores that the networks of finished cycles give a session's pool: made once, what matters first."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from anomalymatch_ui.config import Config, Symmetry
from anomalymatch_ui.errors import DamagedModelError, InputError
from anomalymatch_ui.pool import ImagePool, SubsetPool
from anomalymatch_ui.score import DamagedStoreError, RowTable, ScoreStore, StoreManifest
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.jobs import Reporter
from anomalymatch_ui.session.look import looking
from anomalymatch_ui.session.look.looking import Guide, lottery_of
from anomalymatch_ui.session.work.cycles import load_cycle
from anomalymatch_ui.stream import ScoredBatch, expected_runtime

if TYPE_CHECKING:
    from anomalymatch_ui.learn import AnomalyNetwork

logger = logging.getLogger(__name__)

UNDER_WAY = "under-way.rows"
"""File of the scores of a store that is not whole yet, by row."""


@dataclass(frozen=True)
class NetworkScores:
    """What a cycle's network says of a pool.

    Attributes
    ----------
    cycle
        Its number.
    values
        float32 ``(len(pool),)``; NaN where an image cannot be read, or has not been scored yet.
    sample
        Pool indices that were drawn at random and have been scored, int64, by which the others are guessed;
        ``None`` once all have been scored.
    """

    cycle: int
    values: np.ndarray
    sample: np.ndarray | None = None

    @property
    def scored(self) -> int | None:
        """How many images have been scored; ``None`` for all."""
        return None if self.sample is None else int(np.isfinite(self.values).sum())


class CycleScores:
    """Makes and keeps the scores of finished cycles.

    Parameters
    ----------
    folder, pool, config
        Of the session.
    """

    def __init__(self, folder: SessionFolder, pool: ImagePool, config: Config) -> None:
        self._folder = folder
        self._pool = pool
        self._config = config

    def average(self, cycle: int) -> AnomalyNetwork:
        """Return a cycle's averaged network. Raises ``InputError`` if its checkpoint is damaged."""
        from anomalymatch_ui.learn import load_checkpoint

        return load_checkpoint(self._folder.checkpoint(cycle)).average

    def stored(self, cycle: int, symmetry: Symmetry) -> np.ndarray | None:
        """Return a cycle's scores if all are on disk, as after a session is opened again.

        Whichever of OpenVINO and torch computed them: they agree to 1e-4, and another machine has but one.
        """
        network = self.digest(cycle)
        for by_openvino in sorted((True, False), key=lambda by: by != self._by_openvino):
            scores = self._whole(self._name(network, symmetry, by_openvino))
            if scores is not None:
                return scores
        return None

    def _whole(self, digest: str) -> np.ndarray | None:
        """Return the scores of a store by its name; ``None`` if some are missing or damaged."""
        folder = self._folder.scores(digest, self._pool.digest)
        if not folder.exists():
            return None
        try:
            store = self._store(folder, digest)
            return store.scores(self._pool) if store.is_whole else None
        except DamagedStoreError as error:
            logger.warning("%s They are made again by the next ranking.", error)
            return None

    def make(
        self,
        cycle: int,
        symmetry: Symmetry,
        reporter: Reporter,
        guide: Guide | None,
        offer: Callable[[NetworkScores], None],
    ) -> np.ndarray:
        """Return a cycle's scores; what is missing or damaged is made.

        Parameters
        ----------
        cycle, symmetry
            Whose scores, averaged over which views.
        reporter
            Told how far it is.
        guide
            Of somebody who waits: what matters to them is scored first; ``None`` for nobody.
        offer
            Given what was scored first.
        """
        from anomalymatch_ui.learn import network_digest

        try:
            network = self.average(cycle)
        except DamagedModelError:
            stored = self.stored(cycle, symmetry)
            if stored is None:
                raise
            self._folder.notices.append(
                f"The network of cycle {cycle} is damaged on the disk; what it said of these images is kept "
                "and stays in the order. Another cycle can be trained as ever."
            )
            return stored
        digest = self._name(network_digest(network), symmetry, self._by_openvino)
        folder = self._folder.scores(digest, self._pool.digest)

        def scores() -> np.ndarray:
            store = self._store(folder, digest)
            if not store.is_whole:
                with RowTable(folder / UNDER_WAY, len(self._pool), 1, "<f4") as known:
                    if guide is not None and len(self._pool) >= looking.SEVERAL * looking.FIRST:
                        self._score_first(known, cycle, network, symmetry, reporter, guide, offer)
                    self._score_all(known, store, network, symmetry, reporter)
                (folder / UNDER_WAY).unlink(missing_ok=True)
            return store.scores(self._pool)

        try:
            return scores()
        except DamagedStoreError as error:
            logger.warning("%s They are made again.", error)
            self._folder.notices.append(
                f"The scores of cycle {cycle} were damaged on the disk; they have been made again."
            )
            self._folder.set_aside(folder)
            return scores()

    def _score_first(
        self,
        known: RowTable,
        cycle: int,
        network: AnomalyNetwork,
        symmetry: Symmetry,
        reporter: Reporter,
        guide: Guide,
        offer: Callable[[NetworkScores], None],
    ) -> None:
        """Score what has a label, is likely or near the decision, and a random share; offer that."""
        from anomalymatch_ui.session.work.network_scores import scored_by_network

        pool = self._pool
        sample = lottery_of(pool, self._config.seed)[: looking.PAIRS]
        rows = np.unique(np.concatenate([guide.labelled(), guide.wanted(), sample]))
        rows = rows[~known.written[rows]]
        if len(rows):
            part = SubsetPool(pool, [pool.ids[row] for row in rows.tolist()])
            with scored_by_network(
                part, network, self._config, symmetry, self._folder, reporter, keep_maps=False
            ) as batches:
                for batch in batches:
                    _keep(known, rows, batch)
                    reporter.advance(batch.asked.stop)
        values = np.where(known.written, known.values[:, 0], np.nan).astype(np.float32)
        offer(NetworkScores(cycle, values, np.sort(sample)))

    def _score_all(
        self,
        known: RowTable,
        store: ScoreStore,
        network: AnomalyNetwork,
        symmetry: Symmetry,
        reporter: Reporter,
    ) -> None:
        """Write the store, from where an earlier run has come to."""
        from anomalymatch_ui.session.work.network_scores import scored_by_network

        pool = self._pool
        begun = store.finished_shards * store.manifest.shard_size
        start = begun + int(np.argmin(np.append(known.written[begun:], False)))
        done = []
        if start > begun:
            scores = np.array(known.values[begun:start, 0])
            readable = np.flatnonzero(~np.isnan(scores))
            nothing = np.empty((len(readable), 0), np.float16)
            done.append(ScoredBatch(range(begun, start), begun + readable, scores[readable], nothing))

        def kept(batches: Iterator[ScoredBatch]) -> Iterator[ScoredBatch]:
            yield from done
            for batch in batches:
                _keep(known, np.arange(len(pool)), batch)
                yield batch

        with scored_by_network(
            pool, network, self._config, symmetry, self._folder, reporter, start=start
        ) as batches:
            store.write(pool, kept(batches), reporter.advance)

    def digest(self, cycle: int) -> str:
        """Return the name of a cycle's averaged network: from its record, else from its weights."""
        known = load_cycle(self._folder.cycle_record(cycle), cycle).digest
        if known is not None:
            return known
        from anomalymatch_ui.learn import network_digest

        return network_digest(self.average(cycle))

    def _store(self, folder: Path, digest: str) -> ScoreStore:
        size = self._config.score.shard_size
        try:
            return ScoreStore(folder, StoreManifest(digest, self._pool.digest, len(self._pool), size))
        except DamagedStoreError:
            raise
        except InputError as error:  # the folder's name says that it is theirs, so its manifest is damaged
            raise DamagedStoreError(str(error)) from error

    @property
    def _by_openvino(self) -> bool:
        """Whether OpenVINO will compute scores on a CPU; it computes in float32 alone."""
        scoring = self._config.score
        possible = scoring.number_format == "float32" and not scoring.compiled
        return possible and bool(expected_runtime(scoring.runtime))

    def _name(self, network: str, symmetry: Symmetry, by_openvino: bool) -> str:
        """Return a name of all that decides the scores of a pool."""
        views = "" if symmetry == "none" else f"-{symmetry}"
        by = "-openvino" if by_openvino else ""
        return f"{network}{views}-{self._config.score.number_format}{by}"


def _keep(known: RowTable, rows: np.ndarray, batch: ScoredBatch) -> None:
    """Write a batch's scores, of these rows; NaN for images that cannot be read."""
    scores = np.full((len(batch.asked), 1), np.nan, np.float32)
    scores[batch.indices - batch.asked.start, 0] = batch.scores
    known.write(rows[batch.asked.start : batch.asked.stop], scores)
