"""Scores of the pool: by the labels now, by a cycle's network, or by both.

Torch is imported when a network has to score: the order follows a label without it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from anomalymatch_ui.config import Config, Symmetry
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import Label
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.rank import (
    CoarseToFine,
    Forecast,
    LinearHead,
    Places,
    log_odds,
)
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.jobs import Reporter
from anomalymatch_ui.session.labelling.artefacts import learn_artefacts
from anomalymatch_ui.session.labelling.evidence import (
    Evidence,
    labelled_indices,
)
from anomalymatch_ui.session.look.embedded import Embedded, Seeing
from anomalymatch_ui.session.look.embedding import Embedder
from anomalymatch_ui.session.look.looking import Guide
from anomalymatch_ui.session.work.combining import Combiner, PoolScores
from anomalymatch_ui.session.work.cycle_scores import CycleScores, NetworkScores
from anomalymatch_ui.session.work.learnt import Learnt

if TYPE_CHECKING:
    from anomalymatch_ui.learn import AnomalyNetwork

logger = logging.getLogger(__name__)


class PoolScorer:
    """Scores a session's pool; its embedding and the scores of each network are made once and kept on disk.

    Parameters
    ----------
    folder, pool, config
        The files of the session, its images, and its settings.
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
        self._combiner = Combiner(pool, config, evidence)
        self.embedder = Embedder(folder, pool, config)
        self._folder = folder
        self._pool = pool
        self._config = config
        self._lock = threading.Lock()
        self._cycles = CycleScores(folder, pool, config)
        self._by_network: NetworkScores | None = None
        self._looked_for_stored = False
        self._made_of: tuple[Forecast, NetworkScores | None, np.ndarray] | None = None  # the last order

    def scores(
        self, labels: Callable[[], Mapping[str, Label]], reporter: Reporter, guide: Guide | None = None
    ) -> PoolScores:
        """Score the pool by the labels now and the cycle in use, making first what is not there yet.

        Parameters
        ----------
        labels
            Returns the labels; asked when all else is ready, for they may change meanwhile.
        reporter
            Told how far it is.
        guide
            Told whenever :meth:`instant_scores` can say more, while the images are looked at.
        """
        cycle, by_network = self._trained_cycle, None
        if cycle > 0:
            by_network = NetworkScores(cycle, self._cycle_scores(cycle, reporter, guide))
        with self._lock:
            self._by_network, self._looked_for_stored = by_network, True
        if by_network is not None and self._config.order == "network":
            return self._combiner.of_network(by_network.values, cycle, labels())
        embedding = self.embedder.of_pool(reporter, guide)
        embedded = Embedded(embedding)
        return self._remember(embedded, by_network, self._combiner.combine(embedded, by_network, labels()))

    def instant_scores(
        self, view: Mapping[str, Label], go_on: Callable[[], None] = lambda: None
    ) -> PoolScores | None:
        """Score the pool by the labels now and what is at hand; ``None`` if the embedding is not there.

        While a cycle's scores are being made, those of the cycle before count.

        Parameters
        ----------
        view
            The labels.
        go_on
            Called now and then; what it raises ends the work.
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
        return self._remember(
            embedding, by_network, self._combiner.combine(embedding, by_network, view, go_on)
        )

    def first_places(self, view: Mapping[str, Label], last: Places, forecast: Forecast) -> Places | None:
        """Return the last order with its first places by the labels now, within a tenth of a second.

        Parameters
        ----------
        view
            The labels.
        last, forecast
            The last order of all images, and its forecast.

        Returns
        -------
        Places or None
            ``None`` where that order is none of this scorer's, or more is known of the images by now.
        """
        with self._lock:
            by_network, made_of = self._by_network, self._made_of
        embedded = self.embedder.at_hand()
        is_of_it = made_of is not None and made_of[0] is forecast and made_of[1] is by_network
        if embedded is None or made_of is None or not is_of_it or made_of[2] is not embedded.table:
            return None
        if by_network is not None and by_network.sample is not None:
            return None
        return self._combiner.first_places(embedded, last, forecast, by_network, view)

    def _remember(
        self, embedded: Embedded, by_network: NetworkScores | None, scores: PoolScores
    ) -> PoolScores:
        if scores.calibrated and scores.forecast is not None:
            with self._lock:
                self._made_of = scores.forecast, by_network, embedded.table
        return scores

    def is_newest(self, depth: np.ndarray) -> bool:
        """Return whether no image has been looked at since scores of this :attr:`Scores.depth` were made."""
        at_hand = self.embedder.at_hand()
        return at_hand is not None and at_hand.depth is depth

    @property
    def cycle(self) -> int:
        """Number of the cycle whose network is in the scores now; 0 if none is."""
        with self._lock:
            return 0 if self._by_network is None else self._by_network.cycle

    def _newest_stored(self, symmetry: Symmetry) -> NetworkScores | None:
        """Return the scores on disk of the cycle in use, or of the one before it that has some."""
        views: Symmetry = symmetry if self._config.score.symmetries else "none"
        for cycle in range(self._trained_cycle, 0, -1):
            try:
                stored = self._cycles.stored(cycle, views)
            except InputError as error:  # a damaged checkpoint; the next job says so to the person
                logger.warning("%s", error)
                continue
            if stored is not None:
                return NetworkScores(cycle, stored)
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
            by_network = self._score_images(images, self._cycles.average(cycle), reporter)
            if self._config.order == "network":
                return by_network
            pool_scores = NetworkScores(cycle, self._cycle_scores(cycle, reporter))
        embedding = self.embedder.of_pool(reporter)
        model = self._combiner.fit(embedding, view)
        others = self.embedder.of(images, reporter)
        if not isinstance(model.model, LinearHead):
            if cycle > 0:
                return by_network
            artefacts = learn_artefacts(self._pool, embedding, view, self._config)
            return model.scores(others) if artefacts is None else artefacts.novelty(embedding, others)
        margins = model.model.margins(others)
        pool_margins, fusion = self._combiner.margins(Embedded(embedding), model.model, pool_scores)
        if fusion is not None:
            margins = fusion.margins(margins, log_odds(by_network))
        return self._combiner.forecast(pool_margins, fusion, embedding, view).probabilities(margins)

    def learnt(self, view: Mapping[str, Label]) -> tuple[Seeing, np.ndarray, Learnt]:
        """Return how the pool is seen, its embedding, and what its order goes by: for other images.

        Nothing is computed from images, so what a look at one view is worth is not in it yet.

        Raises
        ------
        InputError
            If there are not labels of both classes, the pool has not been ranked to the end, or the trained
            network alone orders it.
        """
        folder = self._folder
        if self._config.order == "network":
            raise InputError(
                "This session orders its images by the trained network alone. Score the archive by that: "
                f"--model {folder.checkpoint(folder.cycle_in_use or 1)}."
            )
        if not all(len(labelled_indices(self._pool, view, label)) for label in ("anomaly", "nominal")):
            raise InputError(
                f"The session {folder.path} has no order for other images yet: label at least one anomaly "
                "and one nominal image, then score the archive."
            )
        seeing, cycle, by_network = self.seeing(), self._trained_cycle, None
        views: Symmetry = seeing.sight.symmetry if self._config.score.symmetries else "none"
        if cycle > 0:
            stored = self._cycles.stored(cycle, views)
            by_network = None if stored is None else NetworkScores(cycle, stored)
        embedding = self.embedder.if_made()
        if embedding is None or (cycle > 0 and by_network is None):
            raise self._not_ranked()
        model = self._combiner.fit(embedding, view).model
        if not isinstance(model, LinearHead):
            raise InputError(
                f"No image labelled anomaly, or none labelled nominal, in {folder.path} is readable."
            )
        head = model.margins(embedding)
        guess, digest = CoarseToFine(), ""
        if by_network is not None:
            guess = CoarseToFine.of(head, log_odds(by_network.values))
            digest = self._cycles.digest(cycle)
        margins, fusion = self._combiner.margins(Embedded(embedding), model, by_network)
        forecast = self._combiner.forecast(margins, fusion, embedding, view)
        learnt = Learnt(
            seeing.digest,
            cycle,
            digest,
            views,
            seeing.reductions,
            model,
            CoarseToFine(),
            guess,
            fusion,
            forecast,
        )
        return seeing, embedding, learnt

    def seeing(self) -> Seeing:
        """Return how the pool is seen. Raises ``InputError`` if it has not been looked at to the end."""
        seeing = self.embedder.seeing()
        if seeing is None:
            raise self._not_ranked()
        return seeing

    def _not_ranked(self) -> InputError:
        return InputError(
            f"The session {self._folder.path} has not ranked its own images to the end, by its settings and "
            f"its cycle in use. Run `anomalymatch rank {self._folder.path}`, then score the archive."
        )

    @property
    def _trained_cycle(self) -> int:
        return 0 if self._config.order == "labels" else self._folder.cycle_in_use

    def _symmetry(self, reporter: Reporter) -> Symmetry:
        """Return the views that a trained network's scores are averaged over."""
        return self.embedder.symmetry(reporter) if self._config.score.symmetries else "none"

    def _score_images(self, images: ImagePool, network: AnomalyNetwork, reporter: Reporter) -> np.ndarray:
        from anomalymatch_ui.session.work.network_scores import scored_by_network

        scores = np.full(len(images), np.nan, np.float32)
        config, symmetry = self._config, self._symmetry(reporter)
        with scored_by_network(images, network, config, symmetry, self._folder, reporter) as batches:
            for batch in batches:
                scores[batch.indices] = batch.scores
                reporter.advance(batch.asked.stop)
        return scores

    def _cycle_scores(self, cycle: int, reporter: Reporter, guide: Guide | None = None) -> np.ndarray:
        """Return the scores of a finished cycle's averaged network; what is missing or damaged is made."""
        with self._lock:
            known = self._by_network
        if known is not None and known.cycle == cycle and known.sample is None:
            return known.values

        def offer(first: NetworkScores) -> None:
            if self.embedder.at_hand() is None or guide is None:
                return
            with self._lock:
                self._by_network, self._looked_for_stored = first, True
            guide.offer()

        fused = guide if self._config.order == "fused" else None  # alone, a network cannot say of all
        return self._cycles.make(cycle, self._symmetry(reporter), reporter, fused, offer)
