"""The rankings of a session: one after each job, one after each label, never an older one over a newer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import AnomalyMatchError, DamagedModelError, InputError, StorageError
from anomalymatch_ui.labels import Label
from anomalymatch_ui.rank import Places, most_telling
from anomalymatch_ui.session.core.board import StatusBoard
from anomalymatch_ui.session.core.context import Context
from anomalymatch_ui.session.core.folder import DAMAGED, modified_ns
from anomalymatch_ui.session.core.jobs import Reporter
from anomalymatch_ui.session.labelling.evidence import Evidence, labelled_mask
from anomalymatch_ui.session.look.looking import Guide
from anomalymatch_ui.session.work.instant import InstantClock
from anomalymatch_ui.session.work.ranking import Ranking, is_readable

if TYPE_CHECKING:
    from anomalymatch_ui.session.look.embedding import Embedder
    from anomalymatch_ui.session.work.combining import PoolScores
    from anomalymatch_ui.session.work.scoring import PoolScorer

logger = logging.getLogger(__name__)


LARGE = 200_000
"""Images from which the first places are offered before the whole order, which takes 0.1 s for so many."""

MOST_PUT_OFF = 8
"""Labels in a row for which the whole order gives way, so that somebody who labels fast gets one, too."""


class _Superseded(Exception):
    """Newer labels wait."""


def _go_on() -> None:
    """Let the work go on."""


class Rankings:
    """Makes the rankings of a session and keeps the newest.

    Parameters
    ----------
    context, board
        What the parts of the session share, and where its status is published.
    evidence
        Tells what a forecast learns from.

    Attributes
    ----------
    saved_ns
        When this process last kept a ranking on disk, as its file says; 0 if it has not.
    """

    def __init__(
        self,
        context: Context,
        board: StatusBoard,
        evidence: Callable[[Mapping[str, Label]], Evidence],
    ) -> None:
        self._context = context
        self._evidence = evidence
        self._folder = context.folder
        self._pool = context.pool
        self._journal = context.journal
        self._writer_lock = context.writer_lock
        self._board = board
        self._lock = threading.Lock()
        self._clock = InstantClock(self._follow, self._could_not_follow)
        self._scorer: PoolScorer | None = None
        self._newest, self._is_damaged = self._load()
        self._kept_version = self._newest.version
        self.saved_ns = 0
        self._has_failed = False
        self._taken_of: tuple[PoolScorer, int] | None = None  # scorer and cycle of the newest
        self._whole: Ranking | None = None  # the newest in which the same labels place every image
        self._put_off = 0  # so many times in a row the whole order has given way to newer labels

    @property
    def _config(self) -> Config:
        return self._context.config

    @property
    def newest(self) -> Ranking:
        """The newest ranking; before there is one, the pool's own order as version 0."""
        return self._newest

    def figures(self) -> dict[str, Any]:
        """Return what a session's status says of the newest ranking."""
        newest = self._newest
        return {
            "ranking_version": newest.version,
            # Those met so far; or, when the session is opened again, those that the ranking lacks.
            "unreadable": max(len(self._pool.report), newest.unreadable),
            "looked_at": newest.looked_at,
            "scored": newest.scored,
            "removed": newest.removed,
        }

    @property
    def scorer(self) -> PoolScorer:
        """What scores the pool; torch is imported when it is first asked for."""
        from anomalymatch_ui.session.work.scoring import PoolScorer

        with self._lock:
            if self._scorer is None:
                self._scorer = PoolScorer(self._folder, self._pool, self._config, self._evidence)
            return self._scorer

    def embedder(self) -> Embedder:
        """Return what embeds the pool."""
        return self.scorer.embedder

    def outdated(self) -> bool:
        """Return whether the newest ranking is of a look at the images that is not today's."""
        return self._newest.version > 0 and self.embedder().outdated()

    def advice(self, view: Mapping[str, Label]) -> str:
        """Return a sentence where more labels help more than training; else, or unembedded, nothing."""
        from anomalymatch_ui.session.work.advice import advice

        embedding = self.embedder().if_made()
        return "" if embedding is None else advice(self._pool, embedding, view, self._config)

    def rank(self, reporter: Reporter) -> None:
        """Order the pool by the labels now and the cycle in use, and keep that on disk; part of a job."""
        seen = 0

        def labels() -> Mapping[str, Label]:
            nonlocal seen
            seen = self._journal.last_seq
            return self._journal.view()

        while True:
            scorer = self.scorer
            guide = Guide(self._labelled, self._wanted, partial(self._offer, scorer))
            try:
                scores = scorer.scores(labels, reporter, guide)
                break
            except DamagedModelError as error:
                self._do_without(error)
        self._writer_lock.check()
        self._take(scores, scorer, seen)
        self._save(self._newest)
        if self._journal.last_seq > seen:
            self.tick()

    def _load(self) -> tuple[Ranking, bool]:
        """Return the ranking on disk, or the pool's own order; and whether there was one that is damaged."""
        path, pool = self._folder.ranking, self._pool
        kept = Ranking.load(path, pool.digest, len(pool))
        is_damaged = kept is None and path.exists() and not is_readable(path)
        if is_damaged:
            self._folder.notices.append(
                "The order that was kept is damaged on the disk; it is made again from your labels, which "
                "are safe."
            )
            self._folder.set_aside(path)
        return kept or Ranking.of_pool(len(pool)), is_damaged

    def _do_without(self, error: DamagedModelError) -> None:
        """Set a damaged network aside: then the one before it, or the labels alone, order the images."""
        logger.warning("%s", error)
        cycle = self._folder.cycle_in_use
        self._folder.set_aside(error.path)
        if error.path.exists():  # the disk refuses: it would be met again and again
            raise error
        with self._lock:
            self._scorer = None
        if error.path != self._folder.checkpoint(cycle):
            self._folder.notices.append(
                f"{error.path.name} was damaged on the disk and is kept as {error.path.name}{DAMAGED}; it "
                "has been made again."
            )
            return
        now = self._folder.cycle_in_use
        by = f"the network of cycle {now}" if now else "the labels alone"
        self._folder.notices.append(
            f"The network of cycle {cycle} was damaged on the disk and is kept as "
            f"{error.path.name}{DAMAGED}; the images are ordered by {by}. Train to have it made again. Your "
            "labels are safe."
        )

    def _labelled(self) -> np.ndarray:
        return np.flatnonzero(labelled_mask(self._pool, self._journal.view()))

    def _wanted(self) -> np.ndarray:
        """Return the rows that it matters most to know better, by the newest ranking."""
        ranking = self._newest
        return most_telling(
            ranking.scores,
            labelled_mask(self._pool, self._journal.view()),
            head=self._config.acquisition.head,
            decides=ranking.calibrated,
        )

    def _offer(self, scorer: PoolScorer) -> None:
        """Order what has been looked at so far, and keep that on disk."""
        self._writer_lock.check()
        seen = self._journal.last_seq
        scores = scorer.instant_scores(self._journal.view())
        if scores is not None and self._take(scores, scorer, seen):
            self._save(self._newest)

    def adapt(self, reporter: Reporter) -> None:
        """Adapt the backbone to the pool and embed the pool by it; part of a job. The order is as it was.

        Raises
        ------
        InputError
            If the pool is too small, or its images are seen by the end of the network alone.
        """
        from anomalymatch_ui.session.look.embedding import Embedder  # as scorer does: with the first ranking

        adapted = self._config.with_values(embedding={"adapt": True})
        embedder = Embedder(self._folder, self._pool, adapted)
        if not embedder.sight(reporter).adaptable:
            raise InputError(
                "These images are seen by the last layer of the network alone, as pictures with an up are. "
                "What is adapted is its middle, for images of the sky. Train a cycle instead."
            )
        embedder.of_pool(reporter)

    def adopt(self) -> None:
        """Take the ranking that another process has kept on disk."""
        kept = Ranking.load(self._folder.ranking, self._pool.digest, len(self._pool))
        if kept is None:
            return
        with self._lock:
            self._newest = replace(kept, version=self._newest.version + 1)
            self._kept_version = self._newest.version
            self._scorer = None  # a new one finds the embedding and the scores that the other has made
        self._board.publish()
        self.tick()

    def configure(self, former: PoolScorer) -> bool:
        """Score by the current settings; return whether every image has to be looked at anew first.

        Parameters
        ----------
        former
            What scored by the previous settings.
        """
        from anomalymatch_ui.session.work.scoring import PoolScorer

        scorer = PoolScorer(self._folder, self._pool, self._config, self._evidence)
        anew = former.embedder.if_made() is not None and scorer.embedder.if_made() is None
        with self._lock:
            self._scorer = scorer
        self.tick()
        return anew

    def tick(self) -> None:
        """Update the ranking for the current labels soon, once the pool has been ranked at all."""
        if self._config.instant and self._newest.version > 0:
            self._clock.tick()

    def catch_up(self) -> None:
        """Follow the labels that came after the ranking on disk was kept: a crash, or a page's reload."""
        newest = self._newest
        # An earlier version has kept neither what its scores are nor a forecast.
        if self._is_damaged and self._config.instant:
            self._clock.tick()
        is_of_before = newest.forecast is None and newest.source.endswith(("head", "anomalies"))
        if newest.last_seq < self._journal.last_seq or is_of_before:
            self.tick()

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until the order has followed all labels; gives whether it has."""
        return self._clock.settle(timeout)

    def end_clock(self) -> None:
        """Let the instant clock finish what it is at, and begin nothing any more."""
        self._clock.close()

    def keep(self) -> None:
        """Keep what the instant clock gave since the last job, so that the next opening shows it at once."""
        ranking = self._newest
        if ranking.version <= self._kept_version or not self._writer_lock.mine:
            return
        try:
            self._save(ranking)
        except StorageError as error:  # it can be made again, and the session has to be given back
            logger.warning("%s", error)

    def _save(self, ranking: Ranking) -> None:
        ranking.save(self._folder.ranking, self._pool.digest)
        self.saved_ns = modified_ns(self._folder.ranking)
        self._kept_version = ranking.version

    def _follow(self) -> None:
        """Order the pool by the current labels, if its embedding is there; no file is written."""
        if self._config.order == "network" and self._folder.cycle_in_use > 0:
            return
        scorer = self.scorer
        seen, view = self._journal.last_seq, self._journal.view()
        go_on = self._while_nothing_is_newer() if self._offer_first_places(scorer, view) else _go_on
        try:
            scores = scorer.instant_scores(view, go_on)
        except _Superseded:
            self._put_off += 1
            return
        self._put_off = 0
        if scores is None:
            return
        if not self._take(scores, scorer, seen):
            self._clock.tick()
        elif self._has_failed:
            self._has_failed = False
            self._board.publish(error=None)

    def _offer_first_places(self, scorer: PoolScorer, view: Mapping[str, Label]) -> bool:
        """Order the first places of a large pool by newer labels; all others keep their place."""
        whole = self._whole
        if len(self._pool) < LARGE or whole is None or whole.forecast is None or whole.margins is None:
            return False
        last = Places(whole.margins, whole.scores, whole.order)
        places = scorer.first_places(view, last, whole.forecast)
        if places is None:
            return False
        for array in (places.margins, places.scores, places.order):
            array.flags.writeable = False
        with self._lock:
            if scorer is not self._scorer or whole is not self._whole:
                return False
            # With the former one's last row of the journal: whoever finds it on disk has labels to follow.
            self._newest = replace(
                whole,
                version=self._newest.version + 1,
                created=datetime.now(UTC),
                scores=places.scores,
                order=places.order,
                margins=places.margins,
            )
        self._board.publish()
        return True

    def _while_nothing_is_newer(self) -> Callable[[], None]:
        """Return what ends the ordering of all images where a newer label waits for its first places."""

        def go_on() -> None:
            if self._clock.is_wanted and self._put_off < MOST_PUT_OFF:
                raise _Superseded

        return go_on

    def _could_not_follow(self, error: Exception) -> None:
        self._has_failed = True
        sentence = str(error) if isinstance(error, AnomalyMatchError) else f"{type(error).__name__}: {error}"
        self._board.publish(error=f"The order could not follow your last labels: {sentence} They are safe.")

    def _take(self, scores: PoolScores, scorer: PoolScorer, seen: int) -> bool:
        """Make a ranking of scores; false if by now more is known, or another cycle or settings in use."""
        unnumbered = Ranking.of_scores(  # sorts, which takes long
            0,
            scores.source,
            scores.values,
            calibrated=scores.calibrated,
            forecast=scores.forecast,
            margins=scores.margins,
            depth=scores.depth,
            scored=scores.scored,
            removed=scores.removed,
        )
        with self._lock:
            if scorer is not self._scorer or scores.cycle != scorer.cycle:
                return False
            if scores.depth is not None and not scorer.is_newest(scores.depth):
                return False
            if self._taken_of == (scorer, scores.cycle) and seen < self._newest.last_seq:
                return True  # the instant clock has followed newer labels since these were read
            self._taken_of = scorer, scores.cycle
            self._newest = replace(unnumbered, version=self._newest.version + 1, last_seq=seen)
            self._whole = self._newest
        self._board.publish()
        return True
