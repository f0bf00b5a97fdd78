"""Scores of the pool: by the labels now, by a cycle's network, or by both.

Torch is imported when a network has to score: the order follows a label without it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from anomalymatch_ui.config import Config, Symmetry
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import Label
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.rank import (
    CoarseToFine,
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
    share_removed,
)
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.jobs import Reporter
from anomalymatch_ui.session.labelling.artefacts import FIRST_PAGE, learn_artefacts, without_artefacts
from anomalymatch_ui.session.labelling.evidence import (
    Evidence,
    artefact_indices,
    labelled_indices,
    labelled_mask,
    stands_for,
)
from anomalymatch_ui.session.look.embedded import Embedded, Seeing
from anomalymatch_ui.session.look.embedding import Embedder
from anomalymatch_ui.session.look.looking import Guide
from anomalymatch_ui.session.look.reading import by_name
from anomalymatch_ui.session.work.cycle_scores import CycleScores, NetworkScores
from anomalymatch_ui.session.work.learnt import Learnt

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
        :class:`~anomalymatch_ui.session.look.embedded.Embedded`; else ``None``.
    scored
        How many images the network has scored so far, where it has not yet scored all; else ``None``.
    removed
        Share of the first images that the artefacts took away; ``None`` while there are none.
    """

    values: np.ndarray
    source: str
    cycle: int = 0
    forecast: Forecast | None = None
    margins: np.ndarray | None = None
    calibrated: bool = False
    depth: np.ndarray | None = None
    scored: int | None = None
    removed: float | None = None


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
        self._cycles = CycleScores(folder, pool, config)
        self._by_network: NetworkScores | None = None
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
            by_network = NetworkScores(cycle, self._cycle_scores(cycle, reporter, guide))
        with self._lock:
            self._by_network, self._looked_for_stored = by_network, True
        if by_network is not None and self._config.order == "network":
            return self._of_network(by_network.values, cycle, labels())
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
        model = self._fit(embedding, view)
        others = self.embedder.of(images, reporter)
        if not isinstance(model.model, LinearHead):
            if cycle > 0:
                return by_network
            artefacts = learn_artefacts(self._pool, embedding, view, self._config)
            return model.scores(others) if artefacts is None else artefacts.novelty(embedding, others)
        margins = model.model.margins(others)
        pool_margins, fusion = self._margins(Embedded(embedding), model.model, pool_scores)
        if fusion is not None:
            margins = fusion.margins(margins, log_odds(by_network))
        return self._forecast(pool_margins, fusion, embedding, view).probabilities(margins)

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
        model = self._fit(embedding, view).model
        if not isinstance(model, LinearHead):
            raise InputError(
                f"No image labelled anomaly, or none labelled nominal, in {folder.path} is readable."
            )
        head = model.margins(embedding)
        guess, digest = CoarseToFine(), ""
        if by_network is not None:
            guess = CoarseToFine.of(head, log_odds(by_network.values))
            digest = self._cycles.digest(cycle)
        margins, fusion = self._margins(Embedded(embedding), model, by_network)
        forecast = self._forecast(margins, fusion, embedding, view)
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

    def _combine(
        self, embedded: Embedded, by_network: NetworkScores | None, view: Mapping[str, Label]
    ) -> Scores:
        embedding = embedded.table
        model = self._fit(embedding, view)
        cycle = 0 if by_network is None else by_network.cycle
        if not isinstance(model.model, LinearHead):
            if by_network is None or by_network.sample is not None:
                novelty = embedded.novelty(learn_artefacts(self._pool, embedding, view, self._config))
                removed = self._removed(embedded, None, view, novelty)
                return Scores(novelty, model.source, depth=embedded.depth, removed=removed)
            return self._of_network(by_network.values, cycle, view)
        margins, fusion = self._margins(embedded, model.model, by_network)
        forecast = self._forecast(margins, fusion, embedding, view, embedded.waiting)
        source = f"cycle {cycle} and {model.source}" if cycle else model.source
        return Scores(
            forecast.probabilities(margins),
            source,
            cycle,
            forecast,
            margins.astype(np.float32),
            calibrated=True,
            depth=embedded.depth,
            scored=None if by_network is None else by_network.scored,
            removed=self._removed(embedded, by_network, view, margins),
        )

    def _removed(
        self,
        embedded: Embedded,
        by_network: NetworkScores | None,
        view: Mapping[str, Label],
        present: np.ndarray,
    ) -> float | None:
        """Return the share of the first images without a label that stand there no more for the artefacts."""
        others = without_artefacts(view)
        if len(others) == len(view):
            return None
        model = self._fit(embedded.table, others).model
        if isinstance(model, LinearHead):
            former, _ = self._margins(embedded, model, by_network)
        else:
            former = embedded.novelty()
        return share_removed(former, present, ~labelled_mask(self._pool, view), FIRST_PAGE)

    def _of_network(self, scores: np.ndarray, cycle: int, view: Mapping[str, Label]) -> Scores:
        """Take the scores as they are, and what they make one expect."""
        margins = log_odds(scores)
        forecast = self._forecast(margins, None, None, view)
        return Scores(scores, f"cycle {cycle}", cycle, forecast, margins.astype(np.float32))

    def _margins(
        self, embedded: Embedded, head: LinearHead, network: NetworkScores | None
    ) -> tuple[np.ndarray, Fusion | None]:
        """Return the pool's margins, and by what two of them became one where a network is trained."""
        margins = embedded.measured(head.margins)
        if network is None:
            return margins, None
        by_network = log_odds(network.values)
        if network.sample is not None:
            missing = np.isnan(by_network)
            guess = CoarseToFine.of(margins[network.sample], by_network[network.sample])
            by_network[missing] = guess.apply(margins[missing])
        fusion = Fusion.of(margins, by_network, self._config.network_weight)
        return fusion.margins(margins, by_network), fusion

    def _forecast(
        self,
        margins: np.ndarray,
        fusion: Fusion | None,
        embedding: np.ndarray | None,
        view: Mapping[str, Label],
        waiting: int = 0,
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
        standing, multiplicities, images = stands_for(pool, readable, left, waiting)
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

    def _fit(self, embedding: np.ndarray, view: Mapping[str, Label]) -> InstantModel:
        return fit_instant(
            embedding,
            labelled_indices(self._pool, view, "anomaly"),
            labelled_indices(self._pool, view, "nominal"),
            self._config.head,
            seed=self._config.seed,
            artefacts=artefact_indices(self._pool, view),
        )

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


def _examples_alone(held_out: HeldOut, fusion: Fusion) -> HeldOut:
    """Leave out what was looked at, and bring the head's margins to the scale of two margins fused."""
    kept = ~held_out.is_look
    margins = (held_out.margins[kept] - fusion.means[0]) / fusion.deviations[0]
    return HeldOut(margins, held_out.is_anomaly[kept], held_out.is_look[kept])
