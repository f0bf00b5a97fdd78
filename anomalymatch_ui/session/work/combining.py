"""From what is seen and labelled to scores: the head, a network, and what both make one expect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from anomalymatch_ui.config import Config
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
    Places,
    Telling,
    fit_forecast,
    fit_instant,
    held_out_margins,
    log_odds,
    share_removed,
    with_first_places,
)
from anomalymatch_ui.session.labelling.artefacts import FIRST_PAGE, learn_artefacts, without_artefacts
from anomalymatch_ui.session.labelling.evidence import (
    Evidence,
    artefact_indices,
    labelled_indices,
    labelled_mask,
    stands_for,
)
from anomalymatch_ui.session.look.embedded import Embedded
from anomalymatch_ui.session.look.reading import by_name
from anomalymatch_ui.session.work.cycle_scores import NetworkScores


@dataclass(frozen=True)
class PoolScores:
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


class Combiner:
    """Makes scores of a pool's embedding, its labels and a network's answers. It reads no image.

    Parameters
    ----------
    pool, config
        The images of the session and its settings.
    evidence
        Tells of the labels what a forecast learns from, beside the labels themselves.
    """

    def __init__(
        self, pool: ImagePool, config: Config, evidence: Callable[[Mapping[str, Label]], Evidence]
    ) -> None:
        self._pool = pool
        self._config = config
        self._evidence = evidence

    def combine(
        self,
        embedded: Embedded,
        by_network: NetworkScores | None,
        view: Mapping[str, Label],
        go_on: Callable[[], None] = lambda: None,
    ) -> PoolScores:
        """Return the pool's scores by the labels, by a network where there is one, or by novelty.

        Parameters
        ----------
        embedded, by_network, view
            What is known of the images, what a network says of them, and the labels.
        go_on
            Called now and then; what it raises ends the work.
        """
        embedding = embedded.table
        model = self.fit(embedding, view)
        cycle = 0 if by_network is None else by_network.cycle
        if not isinstance(model.model, LinearHead):
            if by_network is None or by_network.sample is not None:
                novelty = embedded.novelty(learn_artefacts(self._pool, embedding, view, self._config))
                removed = self._removed(embedded, None, view, novelty)
                return PoolScores(novelty, model.source, depth=embedded.depth, removed=removed)
            return self.of_network(by_network.values, cycle, view)
        margins, fusion = self.margins(embedded, model.model, by_network, go_on)
        go_on()
        forecast = self.forecast(margins, fusion, embedding, view, embedded.waiting)
        go_on()
        source = f"cycle {cycle} and {model.source}" if cycle else model.source
        return PoolScores(
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
        model = self.fit(embedded.table, others).model
        if isinstance(model, LinearHead):
            former, _ = self.margins(embedded, model, by_network)
        else:
            former = embedded.novelty()
        return share_removed(former, present, ~labelled_mask(self._pool, view), FIRST_PAGE)

    def of_network(self, scores: np.ndarray, cycle: int, view: Mapping[str, Label]) -> PoolScores:
        """Take the scores as they are, and what they make one expect."""
        margins = log_odds(scores)
        forecast = self.forecast(margins, None, None, view)
        return PoolScores(scores, f"cycle {cycle}", cycle, forecast, margins.astype(np.float32))

    def first_places(
        self,
        embedded: Embedded,
        last: Places,
        forecast: Forecast,
        network: NetworkScores | None,
        view: Mapping[str, Label],
    ) -> Places | None:
        """Return the last order with its first places by the labels now; ``None`` if no head can be fitted.

        Parameters
        ----------
        embedded, network, view
            As for :meth:`combine`; images and network as they were for the last order, all of them scored.
        last, forecast
            The last order of all images, and what was expected by it.
        """
        head = self.fit(embedded.table, view).model
        if not isinstance(head, LinearHead):
            return None
        also = np.flatnonzero(labelled_mask(self._pool, view))
        if embedded.pairs is not None:
            also = np.concatenate([also, embedded.pairs.rows])
        telling = Telling.of(last, also)
        margins = embedded.of_rows(telling.rows).measured(head.margins)
        if network is not None:
            by_network = log_odds(network.values[telling.rows])
            drawn = telling.sample
            fusion = Fusion.of(margins[drawn], by_network[drawn], self._config.network_weight)
            margins = fusion.margins(margins, by_network)
        return with_first_places(last, telling, margins, forecast)

    def margins(
        self,
        embedded: Embedded,
        head: LinearHead,
        network: NetworkScores | None,
        go_on: Callable[[], None] = lambda: None,
    ) -> tuple[np.ndarray, Fusion | None]:
        """Return the pool's margins, and by what two of them became one where a network is trained."""

        def measure(features: np.ndarray) -> np.ndarray:
            return head.margins(features, go_on)

        margins = embedded.measured(measure)
        if network is None:
            return margins, None
        by_network = log_odds(network.values)
        if network.sample is not None:
            missing = np.isnan(by_network)
            guess = CoarseToFine.of(margins[network.sample], by_network[network.sample])
            by_network[missing] = guess.apply(margins[missing])
        fusion = Fusion.of(margins, by_network, self._config.network_weight)
        return fusion.margins(margins, by_network), fusion

    def forecast(
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

    def fit(self, embedding: np.ndarray, view: Mapping[str, Label]) -> InstantModel:
        """Fit the head, or what stands in for it while there are not labels of both classes."""
        return fit_instant(
            embedding,
            labelled_indices(self._pool, view, "anomaly"),
            labelled_indices(self._pool, view, "nominal"),
            self._config.head,
            seed=self._config.seed,
            artefacts=artefact_indices(self._pool, view),
        )


def _examples_alone(held_out: HeldOut, fusion: Fusion) -> HeldOut:
    """Leave out what was looked at, and bring the head's margins to the scale of two margins fused."""
    kept = ~held_out.is_look
    margins = (held_out.margins[kept] - fusion.means[0]) / fusion.deviations[0]
    return HeldOut(margins, held_out.is_anomaly[kept], held_out.is_look[kept])
