"""Scores of the pool: by the labels now, by a cycle's network, or by both.

Torch is imported when a network has to score: the order follows a label without it.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from anomalymatch_ui.config import Config, Symmetry
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import storage_errors
from anomalymatch_ui.labels import Label
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.rank import (
    Forecast,
    Fusion,
    HeldOut,
    InstantModel,
    LinearHead,
    Looks,
    fit_forecast,
    fit_instant,
    held_out_margins,
    log_odds,
)
from anomalymatch_ui.score import DamagedStoreError, ScoreStore, StoreManifest
from anomalymatch_ui.session.cycles import load_cycle
from anomalymatch_ui.session.embedded import Embedded
from anomalymatch_ui.session.embedding import Embedder
from anomalymatch_ui.session.evidence import Evidence, labelled_mask, stands_for
from anomalymatch_ui.session.folder import SessionFolder
from anomalymatch_ui.session.jobs import Reporter
from anomalymatch_ui.session.looking import Guide
from anomalymatch_ui.session.reading import by_name

if TYPE_CHECKING:
    from anomalymatch_ui.learn import AnomalyNetwork

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scores:
    """Scores of the pool and where they come from.

    Attributes
    ----------
    values
        float32 ``(len(pool),)`` by pool index, in [0, 1]; NaN where an image could not be read.
    source
        What gave them: ``"linear head"``, ``"cycle 2"``, ``"cycle 2 and linear head"`` …
    cycle
        Whose network is in them; 0 if none is.
    forecast
        What is believed of the unlabelled images; ``None`` for novelty, which knows no anomaly.
    margins
        What the forecast reads, float32 ``(len(pool),)``; ``None`` without one.
    calibrated
        Whether the values are the forecast's probabilities. A quantile of novelty is none, and the scores of
        the network alone are as published.
    depth
        How each image was looked at, where not all are finished: see
        :class:`~anomalymatch_ui.session.embedded.Embedded`; else ``None``.
    """

    values: np.ndarray
    source: str
    cycle: int = 0
    forecast: Forecast | None = None
    margins: np.ndarray | None = None
    calibrated: bool = False
    depth: np.ndarray | None = None


class PoolScorer:
    """Scores a session's pool; its embedding and the scores of each network are made once and kept on disk.

    Parameters
    ----------
    folder, pool, config
        Of the session.
    evidence
        Tells of the labels what a forecast learns from, beside the labels themselves.
    """

    def __init__(
        self,
        folder: SessionFolder,
        pool: ImagePool,
        config: Config,
        evidence: Callable[[Mapping[str, Label]], Evidence] = lambda _view: Evidence(),
    ) -> None:
        self._evidence = evidence
        self.embedder = Embedder(folder, pool, config)
        self._folder = folder
        self._pool = pool
        self._config = config
        self._lock = threading.Lock()
        self._by_network: tuple[int, np.ndarray] | None = None
        self._looked_for_stored = False

    def scores(
        self, labels: Callable[[], Mapping[str, Label]], reporter: Reporter, guide: Guide | None = None
    ) -> Scores:
        """Score the pool by the labels now and the cycle in use, making first what is not there yet.

        Parameters
        ----------
        labels
            Gives the labels; asked when all else is ready, for they may change meanwhile.
        reporter
            Told how far it is.
        guide
            Told whenever :meth:`instant_scores` can say more, while the images are looked at.
        """
        cycle, by_network = self._trained_cycle, None
        if cycle > 0:
            by_network = cycle, self._cycle_scores(cycle, reporter)
        with self._lock:
            self._by_network, self._looked_for_stored = by_network, True
        if by_network is not None and self._config.order == "network":
            return self._of_network(by_network[1], cycle, labels())
        embedding = self.embedder.of_pool(reporter, guide)
        return self._combine(Embedded(embedding), by_network, labels())

    def instant_scores(self, view: Mapping[str, Label]) -> Scores | None:
        """Score the pool by the labels now and what is at hand; ``None`` if the embedding is not there.

        While a cycle's scores are being made, those of the cycle before count.
        """
        embedding, symmetry = self.embedder.at_hand(), self.embedder.known_symmetry()
        if embedding is None or symmetry is None:
            return None
        if not self._looked_for_stored:
            found = self._newest_stored(symmetry)
            with self._lock:  # a job may have come meanwhile, and knows better
                if not self._looked_for_stored:
                    self._by_network, self._looked_for_stored = found, True
        with self._lock:
            by_network = self._by_network
        return self._combine(embedding, by_network, view)

    def is_newest(self, depth: np.ndarray) -> bool:
        """Tell whether no image has been looked at since scores of this :attr:`Scores.depth` were made."""
        at_hand = self.embedder.at_hand()
        return at_hand is not None and at_hand.depth is depth

    @property
    def cycle(self) -> int:
        """Number of the cycle whose network is in the scores now; 0 if none is."""
        with self._lock:
            return 0 if self._by_network is None else self._by_network[0]

    def _newest_stored(self, symmetry: Symmetry) -> tuple[int, np.ndarray] | None:
        """Give the scores on disk of the cycle in use, or of the one before it that has some."""
        for cycle in range(self._trained_cycle, 0, -1):
            try:
                stored = self._stored_if_whole(cycle, symmetry)
            except InputError as error:  # a damaged checkpoint; the next job says so to the person
                logger.warning("%s", error)
                continue
            if stored is not None:
                return cycle, stored
        return None

    def scores_of(self, images: ImagePool, view: Mapping[str, Label], reporter: Reporter) -> np.ndarray:
        """Score other images as :meth:`scores` does the pool's, on the pool's scale.

        Returns
        -------
        numpy.ndarray
            float32 ``(len(images),)``; NaN where an image could not be read.
        """
        self._pool.rendering.check_fits(images.rendering, "This session", f"the images in {images.path}")
        cycle = self._trained_cycle
        by_network, pool_scores = np.empty(0, np.float32), None
        if cycle > 0:
            by_network = self._score_images(images, self._average(cycle), reporter)
            if self._config.order == "network":
                return by_network
            pool_scores = self._cycle_scores(cycle, reporter)
        embedding = self.embedder.of_pool(reporter)
        model = self._fit(embedding, view)
        others = self.embedder.of(images, reporter)
        if not isinstance(model.model, LinearHead):
            return by_network if cycle > 0 else model.scores(others)
        margins = model.model.margins(others)
        pool_margins, fusion = self._margins(Embedded(embedding), model.model, pool_scores)
        if fusion is not None:
            margins = fusion.margins(margins, log_odds(by_network))
        return self._forecast(pool_margins, fusion, embedding, view).probabilities(margins)

    def _combine(
        self, embedded: Embedded, by_network: tuple[int, np.ndarray] | None, view: Mapping[str, Label]
    ) -> Scores:
        embedding = embedded.table
        model = self._fit(embedding, view)
        cycle, network_scores = (0, None) if by_network is None else by_network
        if not isinstance(model.model, LinearHead):
            if network_scores is None:
                return Scores(embedded.novelty(), model.source, depth=embedded.depth)
            return self._of_network(network_scores, cycle, view)
        margins, fusion = self._margins(embedded, model.model, network_scores)
        forecast = self._forecast(margins, fusion, embedding, view)
        source = f"cycle {cycle} and {model.source}" if cycle else model.source
        return Scores(
            forecast.probabilities(margins),
            source,
            cycle,
            forecast,
            margins.astype(np.float32),
            calibrated=True,
            depth=embedded.depth,
        )

    def _of_network(self, scores: np.ndarray, cycle: int, view: Mapping[str, Label]) -> Scores:
        """Take the scores as they are, and what they make one expect."""
        margins = log_odds(scores)
        forecast = self._forecast(margins, None, None, view)
        return Scores(scores, f"cycle {cycle}", cycle, forecast, margins.astype(np.float32))

    def _margins(
        self, embedded: Embedded, head: LinearHead, network_scores: np.ndarray | None
    ) -> tuple[np.ndarray, Fusion | None]:
        """Give the pool's margins, and by what two of them became one where a network is trained."""
        margins = embedded.measured(head.margins)
        if network_scores is None:
            return margins, None
        by_network = log_odds(network_scores)
        fusion = Fusion.of(margins, by_network, self._config.network_weight)
        return fusion.margins(margins, by_network), fusion

    def _forecast(
        self,
        margins: np.ndarray,
        fusion: Fusion | None,
        embedding: np.ndarray | None,
        view: Mapping[str, Label],
    ) -> Forecast:
        """Learn what to expect from the labels at hand and from what was said of each before it had one.

        Labels have margins by heads that have not seen them. A network has seen them all: on examples, labels
        that nobody had to look for, it counts as no surer than the head, and what was looked at is left out.
        """
        pool, evidence = self._pool, self._evidence(view)
        anomalies = labelled_indices(pool, view, "anomaly")
        nominals = labelled_indices(pool, view, "nominal")
        rows = by_name(pool, np.concatenate([anomalies, nominals]))  # as the parts of a cross-validation go
        readable = np.isfinite(margins)
        known = rows[readable[rows]]
        held_out = None
        if embedding is not None:
            is_anomaly = np.isin(known, anomalies)
            margins_of_known = held_out_margins(
                np.asarray(embedding[known], np.float32),
                is_anomaly,
                regularisation=self._config.head.regularisation,
                seed=self._config.seed,
            )
            held_out = HeldOut(margins_of_known, is_anomaly, np.isin(known, evidence.rows))
            if fusion is not None:
                held_out = _examples_alone(held_out, fusion)
        # An unsure image is not listed again, so it is not among those that are left.
        left = readable & ~labelled_mask(pool, view)
        standing, multiplicities, images = stands_for(pool, readable, left)
        return fit_forecast(
            margins[standing],
            found=int(readable[anomalies].sum()),
            images=images,
            looks=Looks(evidence.heights, evidence.is_anomaly),
            held_out=held_out,
            drawn=evidence.drawn,
            prevalence=self._config.prevalence,
            multiplicities=multiplicities,
        )

    @property
    def _trained_cycle(self) -> int:
        return 0 if self._config.order == "labels" else self._folder.cycle_in_use

    def _average(self, cycle: int) -> AnomalyNetwork:
        from anomalymatch_ui.learn import load_checkpoint

        return load_checkpoint(self._folder.checkpoint(cycle)).average

    def _network_digest(self, cycle: int) -> str:
        """Give the name of a cycle's averaged network: from its record, else from its weights."""
        known = load_cycle(self._folder.cycle_record(cycle), cycle).digest
        if known is not None:
            return known
        from anomalymatch_ui.learn import network_digest

        return network_digest(self._average(cycle))

    def _symmetry(self, reporter: Reporter) -> Symmetry:
        """Give the views that a trained network's scores are averaged over."""
        return self.embedder.symmetry(reporter) if self._config.score.symmetries else "none"

    def _score_images(self, images: ImagePool, network: AnomalyNetwork, reporter: Reporter) -> np.ndarray:
        from anomalymatch_ui.session.network_scores import scored_by_network

        scores = np.full(len(images), np.nan, np.float32)
        config, symmetry = self._config, self._symmetry(reporter)
        with scored_by_network(images, network, config, symmetry, self._folder, reporter) as batches:
            for batch in batches:
                scores[batch.indices] = batch.scores
                reporter.advance(batch.asked.stop)
        return scores

    def _fit(self, embedding: np.ndarray, view: Mapping[str, Label]) -> InstantModel:
        return fit_instant(
            embedding,
            labelled_indices(self._pool, view, "anomaly"),
            labelled_indices(self._pool, view, "nominal"),
            self._config.head,
            seed=self._config.seed,
        )

    def _cycle_scores(self, cycle: int, reporter: Reporter) -> np.ndarray:
        """Give the scores of a finished cycle's averaged network; what is missing or damaged is made."""
        with self._lock:
            if self._by_network is not None and self._by_network[0] == cycle:
                return self._by_network[1]
        from anomalymatch_ui.learn import network_digest

        network, symmetry = self._average(cycle), self._symmetry(reporter)
        digest = self._scores_digest(network_digest(network), symmetry)
        folder = self._folder.scores(digest, self._pool.digest)
        try:
            return self._stored_scores(folder, network, digest, symmetry, reporter)
        except DamagedStoreError as error:
            logger.warning("%s They are made again.", error)
            with storage_errors(folder):
                shutil.rmtree(folder)
            return self._stored_scores(folder, network, digest, symmetry, reporter)

    def _stored_if_whole(self, cycle: int, symmetry: Symmetry) -> np.ndarray | None:
        """Give a cycle's scores if all are on disk, as after a session is opened again."""
        views: Symmetry = symmetry if self._config.score.symmetries else "none"
        digest = self._scores_digest(self._network_digest(cycle), views)
        folder = self._folder.scores(digest, self._pool.digest)
        if not folder.exists():
            return None
        try:
            store = self._store(folder, digest)
            whole = store.finished_shards == store.shard_count
            return store.scores(self._pool) if whole else None
        except DamagedStoreError as error:
            logger.warning("%s They are made again by the next ranking.", error)
            return None

    def _store(self, folder: Path, digest: str) -> ScoreStore:
        size = self._config.score.shard_size
        return ScoreStore(folder, StoreManifest(digest, self._pool.digest, len(self._pool), size))

    def _stored_scores(
        self, folder: Path, network: AnomalyNetwork, digest: str, symmetry: Symmetry, reporter: Reporter
    ) -> np.ndarray:
        from anomalymatch_ui.session.network_scores import scored_by_network

        pool, config = self._pool, self._config
        store = self._store(folder, digest)
        if store.finished_shards < store.shard_count:
            start = store.finished_shards * store.manifest.shard_size
            with scored_by_network(
                pool, network, config, symmetry, self._folder, reporter, start=start
            ) as batches:
                store.write(pool, batches, reporter.advance)
        return store.scores(pool)

    def _scores_digest(self, network: str, symmetry: Symmetry) -> str:
        """Return a name of all that decides the scores of a pool."""
        views = "" if symmetry == "none" else f"-{symmetry}"
        return f"{network}{views}-{self._config.score.number_format}"


def labelled_indices(pool: ImagePool, view: Mapping[str, Label], label: Label) -> np.ndarray:
    """Give the pool indices with that label, int64, ascending, without images that are gone."""
    indices = [pool.index(name) for name, given in view.items() if given == label and name in pool]
    return np.array(sorted(indices), dtype=np.int64)


def _examples_alone(held_out: HeldOut, fusion: Fusion) -> HeldOut:
    """Leave out what was looked at, and bring the head's margins to the scale of two margins fused."""
    kept = ~held_out.is_look
    margins = (held_out.margins[kept] - fusion.means[0]) / fusion.deviations[0]
    return HeldOut(margins, held_out.is_anomaly[kept], held_out.is_look[kept])
