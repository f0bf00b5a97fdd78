"""What a session can say beyond its order: how many anomalies to expect, what is alike, what is contested."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import Label
from anomalymatch_ui.pool import index_in
from anomalymatch_ui.rank import (
    Acquisition,
    Count,
    Listing,
    Similar,
    arrange,
    audit_labels,
    drawn_so_far,
    draws_offered,
    most_similar,
)
from anomalymatch_ui.session.catalogue.same_place import ALONE, stands_for_its_place
from anomalymatch_ui.session.core.context import Context
from anomalymatch_ui.session.core.draw_order import draw_order_of
from anomalymatch_ui.session.labelling.artefacts import learn_artefacts
from anomalymatch_ui.session.labelling.evidence import (
    Evidence,
    gather_evidence,
    judged_mask,
    labelled_mask,
    stands_for,
)
from anomalymatch_ui.session.labelling.shortlist import population_of
from anomalymatch_ui.session.look.embedded import Embedded
from anomalymatch_ui.session.search.exploring import Exploring
from anomalymatch_ui.session.work.ranking import Ranking
from anomalymatch_ui.session.work.rankings import Rankings


@dataclass(frozen=True)
class Outlook:
    """What is to be expected of the images without a label: all numbers of one forecast.

    Attributes
    ----------
    top
        How many of the most probable images without a label ``next`` is about, one for each place on the sky;
        fewer where fewer are left.
    found
        Anomalies found so far.
    images
        All that can be read, with and without a label; of a shortlist, those of the whole archive.
    next, unfound
        Anomalies among these, and among all images without a label; ``None`` before there is an anomaly to
        go by.
    drawn
        Images drawn at random that are a sample of all; see :func:`~anomalymatch_ui.rank.drawn_so_far`.
    explores
        Whether every second image to look at is one unlike all that has a label.
    """

    top: int
    found: int
    images: int
    next: Count | None
    unfound: Count | None
    drawn: int
    explores: bool = False

    @property
    def total(self) -> Count | None:
        """Anomalies in all: those found, and those that are not."""
        return None if self.unfound is None else self.unfound.plus(self.found)

    @property
    def prevalence(self) -> tuple[float, float, float] | None:
        """Share of anomalies that the search itself suggests, and the ends of its interval."""
        total = self.total
        if total is None or self.images == 0:
            return None
        return (total.expected / self.images, total.low / self.images, total.high / self.images)


@dataclass(frozen=True)
class Contested:
    """A label and the probability, by heads that have not seen it, that it is wrong."""

    image_id: str
    label: Label
    contest: float


class Insight:
    """What follows from a session's labels and ranking, computed when it is asked for.

    Parameters
    ----------
    context, rankings
        What the parts of the session share, and its rankings.
    groups
        Returns which images are of one place, int64 ``(len(pool),)``; ``None`` where nothing is folded. See
        :meth:`SamePlace.groups`.
    """

    def __init__(self, context: Context, rankings: Rankings, groups: Callable[[], np.ndarray | None]) -> None:
        self._novelty: tuple[Embedded, Mapping[str, Label], np.ndarray] | None = None
        self._drawn: tuple[int, np.ndarray] | None = None
        self._context = context
        self._pool = context.pool
        self._journal = context.journal
        self._rankings = rankings
        self._exploring = Exploring(context, rankings)
        self._groups = groups

    @property
    def _config(self) -> Config:
        return self._context.config

    def _ranking(self) -> Ranking:
        return self._rankings.newest

    def listing(
        self,
        acquisition: Acquisition | None = None,
        ranking: Ranking | None = None,
    ) -> Listing:
        """Return the images without a label in the order to show them in, with a random share among them.

        Before the first ranking it is the pool's own order; without an embedding on disk no duplicates
        are told. Images that were not looked at yet stand behind all others.

        Parameters
        ----------
        acquisition
            ``"most_likely"``, ``"uncertain"``, ``"diverse"`` or ``"mixed"``; ``None`` takes the settings'.
        ranking
            Ranking of the session; ``None`` takes the newest.

        Returns
        -------
        Listing
            Pool indices, int64 ``(n,)``, and which of them stand elsewhere than by their score: drawn at
            random, later because they nearly duplicate another, or earlier because they are unlike all that
            has a label, where little more is expected of the likely ones.
        """
        taken = labelled_mask(self._pool, self._journal.view())
        random_every = self._config.acquisition.random_every
        ranking = ranking or self._ranking()
        strategy = self._strategy(acquisition, ranking)
        unlike = self._exploring.rows(ranking, strategy, taken, self.looks_taken())
        listing = self._arranged(taken, strategy, ranking, random_every, unlike)
        waiting = ranking.not_yet
        return listing.followed_by(waiting[~taken[waiting]])

    def arranged(
        self, taken: np.ndarray, acquisition: Acquisition | None = None, ranking: Ranking | None = None
    ) -> np.ndarray:
        """Put images into the order of :meth:`listing`, without a random share; labelled ones, too.

        Parameters
        ----------
        taken
            Images to leave out, bool ``(len(pool),)``.
        acquisition
            Carried out as it is, also where the scores are no probabilities; ``None`` as for :meth:`listing`.
        ranking
            As for :meth:`listing`.

        Returns
        -------
        numpy.ndarray
            Pool indices, int64; images without a score are left out.
        """
        ranking = ranking or self._ranking()
        return self._arranged(taken, acquisition or self._strategy(None, ranking), ranking, 0).order

    def _strategy(self, acquisition: Acquisition | None, ranking: Ranking) -> Acquisition:
        strategy = acquisition or self._config.acquisition.strategy
        # A quantile of novelty decides nothing that could be uncertain; a probability and a score do.
        decides = ranking.calibrated or ranking.source.startswith("cycle")
        if not decides and strategy in ("uncertain", "mixed"):
            return "diverse"
        return strategy

    def _arranged(
        self,
        taken: np.ndarray,
        strategy: Acquisition,
        ranking: Ranking,
        random_every: int,
        unlike: np.ndarray | None = None,
    ) -> Listing:
        settings = self._config.acquisition
        if ranking.version == 0:
            return Listing.plain(ranking.order[~taken[ranking.order]])
        embedding = self._rankings.embedder().if_made() if strategy in ("diverse", "mixed") else None
        if embedding is None:
            strategy = "uncertain" if strategy == "uncertain" else "most_likely"
            embedding = np.zeros((len(self._pool), 1), np.float16)
        return arrange(
            ranking.scores,
            embedding,
            taken,
            strategy,
            random_every=random_every,
            head=settings.head,
            shuffled=self._draw_order(),
            looks=self.looks_taken(),
            # A network alone was taught by as many anomalies as nominal images.
            decision=None if ranking.calibrated else 0.5,
            unlike=unlike,
        )

    def looks_taken(self) -> int:
        """Return how many images of the pool have a label because somebody looked at them.

        They follow from the journal alone: an undo takes its looks back, images that several people have
        labelled count once, and those of an imported table do not.
        """
        return sum(name in self._pool for name in self._journal.looked_at())

    def outlook(self, top: int = 100) -> Outlook:
        """Return how many anomalies to expect among the best images without a label, and among all of them.

        Parameters
        ----------
        top
            How many of the best.
        """
        view, ranking, pool = self._journal.view(), self._ranking(), self._pool
        readable = np.zeros(len(pool), dtype=bool)
        readable[ranking.order] = True  # an image that cannot be read is no anomaly that could be found
        left = readable & ~labelled_mask(pool, view)
        found = sum(label == "anomaly" and name in pool for name, label in view.items())
        standing, multiplicities, images = stands_for(pool, readable, left, len(ranking.not_yet))
        drawn = len(self.drawn())
        forecast, margins = ranking.forecast, ranking.margins
        if forecast is None or margins is None:
            return Outlook(top, found, images, None, None, drawn)
        ahead = margins[self._unfolded(left, margins, view)]
        best = np.partition(ahead, -top)[-top:] if 0 < top < len(ahead) else ahead
        following = forecast.count(best if top > 0 else best[:0])
        unfound = forecast.count(margins[standing], multiplicities).at_least(following)
        taken, strategy = labelled_mask(pool, view), self._strategy(None, ranking)
        explores = self._exploring.is_due(ranking, strategy, taken, self.looks_taken())
        return Outlook(min(top, len(best)), found, images, following, unfound, drawn, explores)

    def _unfolded(self, left: np.ndarray, margins: np.ndarray, view: Mapping[str, Label]) -> np.ndarray:
        """Return which images without a label are cards of their own, bool ``(len(pool),)``."""
        group = self._groups()
        if group is None:
            return left
        rows = np.flatnonzero(left & (group > ALONE))
        rows = rows[np.argsort(-margins[rows], kind="stable")]
        stands = stands_for_its_place(
            rows,
            np.zeros(len(rows), dtype=bool),
            group,
            labelled_mask(self._pool, view),
            judged_mask(self._pool, view),
        )
        listed = left.copy()
        listed[rows[~stands]] = False
        return listed

    def evidence(self, view: Mapping[str, Label]) -> Evidence:
        """Return what the looks so far and the images drawn at random say of those without a label."""
        return gather_evidence(self._pool, view, self._journal.looks(), self.drawn())

    def drawn_evidence(self) -> tuple[int, int]:
        """Return the anomalies among the images drawn at random and judged, and how many these are."""
        return self.evidence(self._journal.view()).drawn

    def prevalence(self) -> float | None:
        """Return the share of anomalies expected among the images of the pool; ``None`` if nobody gave one.

        That of the settings; but it is a whole archive's, and a shortlist holds the best of one. There it is
        the mean of the calibrated probabilities, once there are some.
        """
        given, ranking = self._config.prevalence, self._ranking()
        if given is None or population_of(self._pool).images is None or not ranking.calibrated:
            return given
        left = ranking.scores[~labelled_mask(self._pool, self._journal.view())]
        if np.isnan(left).all():
            return given
        return float(np.clip(np.nanmean(left, dtype=np.float64), given, max(given, 0.5)))

    def drawn(self) -> np.ndarray:
        """Return the pool indices of the images drawn at random that are a sample of all, int64 ``(n,)``."""
        offered = draws_offered(self.looks_taken(), self._config.acquisition.random_every)
        if offered == 0:  # as when a session on a million images is opened first
            return np.empty(0, np.int64)
        # An image that cannot be read is not in the order, and is no anomaly that could be found.
        drawable = np.zeros(len(self._pool), dtype=bool)
        drawable[self._ranking().order] = True
        shuffled, taken = self._draw_order(), labelled_mask(self._pool, self._journal.view())
        return drawn_so_far(shuffled[drawable[shuffled]], taken, offered)

    def _draw_order(self) -> np.ndarray:
        """Return the rows that may be drawn at random in the order in which they are, int64 ``(n,)``."""
        seed = self._config.seed
        if self._drawn is None or self._drawn[0] != seed:
            self._drawn = seed, draw_order_of(self._pool, seed, self._context.folder)
        shuffled, drawable = self._drawn[1], population_of(self._pool).drawable
        return shuffled if drawable is None else shuffled[drawable[shuffled]]

    def similar(self, ids: Iterable[str], count: int = 60) -> list[str]:
        """Return the ids of the images most like some images, the most alike first.

        Raises
        ------
        InputError
            If an id is not in the pool, or the pool has not been ranked yet.
        """
        return [self._pool.ids[row] for row in self.neighbours(ids, count).indices]

    def neighbours(self, ids: Iterable[str], count: int = 60) -> Similar:
        """Return what :meth:`similar` returns, as pool indices, and how alike each is. Raises as it does."""
        rows = np.array([index_in(self._pool, name) for name in ids], dtype=np.int64)
        embedding = self._embedding()
        if len(rows) and np.isin(rows, self._ranking().not_yet).all() and np.isnan(embedding[rows, 0]).all():
            raise InputError(
                "What is asked about has not been looked at yet. Wait a little, or ask about an image with "
                "a score."
            )
        return most_similar(embedding, rows, count)

    def novelty(self) -> np.ndarray:
        """Return how unlike the rest of the pool each image is, whatever the labels but artefacts.

        What is like these counts as less novel.

        Returns
        -------
        numpy.ndarray
            float32 ``(len(pool),)``, 0 for the most ordinary to 1; NaN where an image could not be read.

        Raises
        ------
        InputError
            If the pool has not been ranked yet.
        """
        embedded = self._embedded()
        view = self._journal.view()
        if self._novelty is None or self._novelty[0] is not embedded or self._novelty[1] is not view:
            artefacts = learn_artefacts(self._pool, embedded.table, view, self._config)
            self._novelty = embedded, view, embedded.novelty(artefacts)
        return self._novelty[2]

    def audit(self) -> list[Contested]:
        """Return the labels the others contest, the most contested first, judged by heads without them.

        Raises
        ------
        InputError
            If there are not labels of both classes, or the pool has not been ranked yet.
        """
        pool, view, config = self._pool, self._journal.view(), self._config
        names = [name for name, label in view.items() if label != "unsure" and name in pool]
        audit = audit_labels(
            self._embedding(),
            np.array([pool.index(name) for name in names], dtype=np.int64),
            np.array([view[name] == "anomaly" for name in names], dtype=bool),
            regularisation=config.head.regularisation,
            seed=config.seed,
        )
        ids = [pool.ids[row] for row in audit.rows]
        return [
            Contested(name, view[name], float(contest))
            for name, contest in zip(ids, audit.contest, strict=True)
        ]

    def _embedding(self) -> np.ndarray:
        return self._embedded().table

    def _embedded(self) -> Embedded:
        embedded = self._rankings.embedder().at_hand()
        if embedded is None:
            raise InputError("The images have not been compared yet. Rank them first, then ask again.")
        return embedded
