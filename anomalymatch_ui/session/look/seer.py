"""How a session looks at images that are not its own, and what the network of its order says of them."""

from __future__ import annotations

from contextlib import closing

import numpy as np

from anomalymatch_ui.config import Config, Symmetry
from anomalymatch_ui.learn import AnomalyNetwork, Runtime, resolve_device
from anomalymatch_ui.pool import ImagePool, SubsetPool
from anomalymatch_ui.rank import Reduction
from anomalymatch_ui.session.look.backbone import Looker
from anomalymatch_ui.session.look.embedded import Seeing
from anomalymatch_ui.session.look.sight import Look
from anomalymatch_ui.stream import Scorer, score_pool


class Seer:
    """Looks at images as a session does.

    Parameters
    ----------
    images, config, seeing
        What is looked at, and how.
    network, views
        Network of the cycle in the order, ``None`` without one; and the views over which its scores are
        averaged.

    Attributes
    ----------
    device
        Where the backbones run.
    components
        Columns of the embedding.
    symmetry
        Views of a close look.
    image_size
        Side of the largest look, in pixels.
    """

    def __init__(
        self,
        images: ImagePool,
        config: Config,
        seeing: Seeing,
        network: AnomalyNetwork | None = None,
        views: Symmetry = "none",
    ) -> None:
        self._images, self._config = images, config
        sight, left = seeing.sight, list(seeing.reductions)
        self._views = sight.views(config.embedding.views_up_to)
        self._lookers: dict[Look, Looker] = {}
        self._reductions: dict[Look, list[Reduction]] = {}
        for look in sight.looks:
            parts = sight.parts_of(look)
            self._lookers[look] = Looker(images, config, look, parts, seeing.adapted.get(look))
            self._reductions[look], left = left[: len(parts)], left[len(parts) :]
        self.device = next(iter(self._lookers.values())).device
        self.components = sum(reduction.axes.shape[1] for reduction in seeing.reductions)
        self.symmetry: Symmetry = sight.symmetry
        self.image_size = max(look.size for look in sight.looks)
        self._scorer: Scorer | None = None
        self._network_views = views
        if network is not None:
            self._scorer = Scorer(
                network,
                resolve_device(config.device),
                number_format=config.score.number_format,
                compiled=config.score.compiled,
                runtime=config.score.runtime,
            )

    @property
    def runtimes(self) -> tuple[Runtime, ...]:
        """What computes the backbones and the network."""
        scorers = [] if self._scorer is None else [self._scorer.runtime]
        return (*(looker.runtime for looker in self._lookers.values()), *scorers)

    def choices(self) -> list[np.ndarray]:
        """Return the components of each look, bool ``(components,)``, the cheapest look first."""
        return [self._place_of(look) for look in sorted(self._lookers, key=lambda look: look.size)]

    def _place_of(self, look: Look) -> np.ndarray:
        place, start = np.zeros(self.components, dtype=bool), 0
        for one, reductions in self._reductions.items():
            stop = start + sum(reduction.axes.shape[1] for reduction in reductions)
            place[start:stop] = one == look
            start = stop
        return place

    def embed(
        self,
        rows: np.ndarray,
        *,
        closely: bool,
        known: np.ndarray | None = None,
        asked: np.ndarray | None = None,
    ) -> np.ndarray:
        """Look at some images.

        Parameters
        ----------
        rows
            Pool indices, int64 ``(n,)``, ascending.
        closely
            In all views, or in one.
        known
            The embedding by one view, of which that is taken where one view is all there is.
        asked
            Components that one view is asked for, or that are known of it, bool ``(components,)``. A look
            that gives none of them is not taken, and its components are zero. ``None`` stands for all.

        Returns
        -------
        numpy.ndarray
            float16 ``(n, components)``; NaN where an image cannot be read.
        """
        embedding = np.full((len(rows), self.components), np.nan, np.float16)
        for look, looker in self._lookers.items():
            place = self._place_of(look)
            is_asked = asked is None or bool((asked & place).any())
            views = self._views[look] if closely else "none"
            if closely and views == "none" and known is not None and is_asked:
                embedding[:, place] = known[:, place]
                continue
            if not closely and not is_asked:
                embedding[:, place] = 0
                continue
            done = 0
            for some, features in looker.look(rows, views):
                stops = np.cumsum(looker.widths)[:-1]
                parts = np.split(features, stops, axis=1)
                reduced = [one.apply(part) for one, part in zip(self._reductions[look], parts, strict=True)]
                embedding[done : done + len(some), place] = np.concatenate(reduced, axis=1)
                done += len(some)
        embedding[np.isnan(embedding).any(axis=1)] = np.nan  # one size could be read, and another could not
        return embedding

    def network_scores(self, rows: np.ndarray) -> np.ndarray | None:
        """Return what the network says of some images, float32 ``(n,)``; ``None`` without a network."""
        if self._scorer is None:
            return None
        scores = np.full(len(rows), np.nan, np.float32)
        images = SubsetPool(self._images, [self._images.ids[row] for row in rows.tolist()])
        batches = score_pool(
            images,
            self._scorer.network,
            self._config.score,
            device=self._scorer.device,
            symmetry=self._network_views,
            scorer=self._scorer,
        )
        with closing(batches):
            for batch in batches:
                scores[batch.indices] = batch.scores
        return scores
