"""Scores that the networks of finished cycles give a session's pool: made once, what matters first."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from anomalymatch_ui.config import Config, Symmetry
from anomalymatch_ui.errors import DamagedModelError, InputError
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.score import Archive, DamagedStoreError
from anomalymatch_ui.score.archive import MANIFEST
from anomalymatch_ui.score.manifest import ArchiveManifest, read_manifest
from anomalymatch_ui.session.core.draw_order import draw_order_of
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.jobs import Reporter
from anomalymatch_ui.session.look import looking
from anomalymatch_ui.session.look.looking import Guide
from anomalymatch_ui.session.work.cycles import load_cycle
from anomalymatch_ui.session.work.kept_scores import open_scores
from anomalymatch_ui.stream import expected_runtime

if TYPE_CHECKING:
    from anomalymatch_ui.learn import AnomalyNetwork
    from anomalymatch_ui.session.work.network_engine import NetworkEngine

logger = logging.getLogger(__name__)


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
        The files of the session, its images, and its settings.
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
            stored = open_scores(folder)
            return stored.scores(self._pool) if stored.is_whole else None
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
            Speaks for somebody who waits: what matters to them is scored first; ``None`` for nobody.
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
                "and stays in the order. Another cycle can be trained as usual."
            )
            return stored
        name = self._name(network_digest(network), symmetry, self._by_openvino)
        stored = self._whole(name)
        if stored is not None:
            return stored
        store = self._folder.scores(name, self._pool.digest)
        is_damaged, engine = _is_damaged(store), self._engine(network, symmetry, reporter)
        sample = draw_order_of(self._pool, self._config.seed, self._folder)[: looking.PAIRS]
        is_worth_it = len(self._pool) >= looking.SEVERAL * looking.FIRST
        survey = engine.write(
            store,
            self._gone_on_with(store, engine),
            partial(_wanted, guide, sample) if guide is not None and is_worth_it else None,
            lambda values: offer(NetworkScores(cycle, values, np.sort(sample))),
        )
        if is_damaged or survey.damaged:
            self._folder.notices.append(
                f"The scores of cycle {cycle} were damaged on the disk; they have been made again."
            )
        return Archive.existing(store).scores(self._pool)

    def _engine(self, network: AnomalyNetwork, symmetry: Symmetry, reporter: Reporter) -> NetworkEngine:
        from anomalymatch_ui.session.work.network_engine import NetworkEngine

        return NetworkEngine(self._pool, network, self._config, symmetry, self._folder, reporter)

    def _gone_on_with(self, store: Path, engine: NetworkEngine) -> ArchiveManifest:
        """Return what scores belong to; what cannot be gone on with, as another version's, is set aside."""
        if not (store / MANIFEST).exists():
            return engine.manifest(None)
        begun = None
        try:
            begun = read_manifest(store / MANIFEST)
        except InputError as error:
            logger.warning("%s", error)
        manifest = engine.manifest(begun)
        if manifest == begun:
            return manifest
        self._folder.set_aside(store)
        return engine.manifest(None)

    def digest(self, cycle: int) -> str:
        """Return the name of a cycle's averaged network: from its record, else from its weights."""
        known = load_cycle(self._folder.cycle_record(cycle), cycle).digest
        if known is not None:
            return known
        from anomalymatch_ui.learn import network_digest

        return network_digest(self.average(cycle))

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


def _wanted(guide: Guide, sample: np.ndarray) -> np.ndarray:
    """Return what matters to somebody who waits, and a random share."""
    return np.unique(np.concatenate([guide.labelled(), guide.wanted(), sample]))


def _is_damaged(store: Path) -> bool:
    """Return whether scores that were not read are there."""
    try:
        return store.exists() and open_scores(store).is_whole
    except DamagedStoreError:
        return (store / MANIFEST).exists()
