"""The conductor: a pool, its labels, a learner in the background, and the ranking they give."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from anomalymatch_ui.config import Config
from anomalymatch_ui.docstrings import as_in
from anomalymatch_ui.files import expanded
from anomalymatch_ui.labels import MATCHING, ImportReport, Label
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.session.catalogue.known import RADIUS, CrossMatch
from anomalymatch_ui.session.catalogue.metadata import MATCH_RADIUS
from anomalymatch_ui.session.charts.pictures import Pictures
from anomalymatch_ui.session.core.board import StatusBoard
from anomalymatch_ui.session.core.context import Context
from anomalymatch_ui.session.core.jobs import Background
from anomalymatch_ui.session.core.leaving import close_at_exit
from anomalymatch_ui.session.core.status import Receipt, Status
from anomalymatch_ui.session.labelling.labelling import Labelling
from anomalymatch_ui.session.labelling.marking import Marking
from anomalymatch_ui.session.labelling.people import People
from anomalymatch_ui.session.opening import Prepared, prepare, rendered_anew
from anomalymatch_ui.session.outcome.completeness import InjectionRecovery
from anomalymatch_ui.session.outcome.crossmatching import crossmatch
from anomalymatch_ui.session.outcome.exported import export_labels
from anomalymatch_ui.session.outcome.replay import Replays
from anomalymatch_ui.session.outcome.report import Report
from anomalymatch_ui.session.outcome.results import Results, What
from anomalymatch_ui.session.outcome.samp import Samp
from anomalymatch_ui.session.search.finding import Finding
from anomalymatch_ui.session.search.found import Found
from anomalymatch_ui.session.search.insight import Insight
from anomalymatch_ui.session.search.query import Query
from anomalymatch_ui.session.search.showing import Showing
from anomalymatch_ui.session.steering import Steering
from anomalymatch_ui.session.summary.page import MOST, write_page
from anomalymatch_ui.session.summary.selection import SelectionFunction
from anomalymatch_ui.session.work.configuring import Configuring
from anomalymatch_ui.session.work.cycles import Cycles
from anomalymatch_ui.session.work.ranking import Ranking
from anomalymatch_ui.session.work.rankings import Rankings
from anomalymatch_ui.session.work.watcher import Watcher

if TYPE_CHECKING:
    import pandas as pd

    from anomalymatch_ui.session.work.scoring import PoolScorer


class Session:
    """A search for anomalies in one pool, kept in a folder.

    Everything a person did is on disk when the method that did it returns; opening the folder again
    brings all of it back. All methods may be called from any thread. Use :meth:`open`.

    Attributes
    ----------
    path
        The folder.
    pool
        The images.
    annotator
        Whose labels these are.
    identity
        What it is known by, wherever its folder lies.
    metadata_report
        What fits of a table given as ``metadata``, a sentence; ``None`` without a new one.
    import_report
        What became of the table given as ``labels``; ``None`` if there was none.
    completeness
        What the search misses, measured with objects painted into its images.
    cycles
        The finished training cycles, their figures, and what each said of an image.
    finding
        Finds images by label, score, text and metadata; lists the contested, the alike.
    insight
        What to show next, how many anomalies to expect, more like these, and labels to look at again.
    marking
        Tags and notes of the images.
    people
        Who labels, on what they differ, and how far they agree.
    pictures
        How the search goes, as curves and counts, and a map of the images.
    replays
        Repeats the search from its journal.
    results
        What the search has come to, as tables for papers and other tools.
    samp
        Sends these tables to TOPCAT, Aladin or DS9.
    selection
        What share of all anomalies the search has found, and what going on would bring.
    showing
        How a person sees the images, where that is not how the network does.
    """

    def __init__(self, context: Context) -> None:
        folder, pool, journal = context.folder, context.pool, context.journal
        self.path, self.pool, self.annotator = folder.path, pool, context.annotator
        self.identity = context.identity
        self.import_report: ImportReport | None = None
        self.metadata_report: str | None = None
        self._context, self._journal = context, journal
        self._closed, self._closing = False, threading.Lock()
        self._board = board = StatusBoard()
        self._rankings = rankings = Rankings(context, board, lambda view: self.insight.evidence(view))
        self.insight = Insight(context, rankings, lambda: self.finding.folding.now())
        self.pictures = Pictures(folder, pool, journal, self.ranking, rankings.embedder)
        self.cycles = Cycles(folder, pool)
        self.people = People(pool, journal)
        self.finding = Finding(context, rankings, self.insight, self.cycles, self.people)
        self._steering = steering = Steering(context, board, rankings, self.cycles, self.insight)
        self._labelling = Labelling(context, board, steering.follow_labels)
        self.showing = Showing(pool, lambda: self.config, steering.settings.keep_if_mine)
        self.marking = Marking(pool, journal, lambda: self.annotator, self._labelling.receipt, board.publish)
        self.completeness = InjectionRecovery(context, lambda: self.scorer, steering.start_and_wait)
        self.replays = Replays(context, self.insight.evidence, steering.look_and_wait)
        metadata, places, known = self.finding.metadata, self.finding.places, self.finding.known
        measured = self.completeness.kept
        outlook, drawn = self.insight.outlook, self.insight.drawn_evidence
        discovery, recent = self.pictures.discovery, self.pictures.recent
        self.selection = SelectionFunction(outlook, drawn, discovery, measured, recent)
        self.results = Results(
            context, rankings, self.cycles, metadata, places, known, measured, self.selection.table
        )
        self.samp = Samp(self.results.table, folder.path / "sent")
        follow, notice = steering.follow_labels, steering.take_notice
        count, reread = self._labelling.count, steering.settings.reread
        self._watcher = Watcher(context, rankings, count, follow, reread, notice)
        steering.begin(count(), self._watcher.seen.writer, self._watcher.seen.aim)

    @classmethod
    @as_in(prepare)
    def open(
        cls,
        path: str | Path,
        images: str | Path | ImagePool | None = None,
        labels: str | Path | None = None,
        *,
        config: Config | None = None,
        annotator: str | None = None,
        take_over: bool = False,
        share: bool = False,
        embeddings: str | Path | None = None,
        metadata: str | Path | None = None,
        match_radius: float = MATCH_RADIUS,
        pixels: Mapping[str, Any] | None = None,
        classes: str | Mapping[str, str] | None = None,
    ) -> Self:
        """Open a session folder, or make one."""
        prepared = prepare(
            path,
            images,
            labels,
            config,
            annotator,
            take_over,
            share,
            embeddings,
            metadata,
            match_radius,
            pixels,
            classes,
        )
        session: Self | None = None
        try:
            session = cls(prepared.context)
            session._begin(prepared)
        except BaseException:
            (prepared.context.close if session is None else session.close)()
            raise
        session._steering.tell_notices()
        session._rankings.catch_up()
        session._watcher.start()
        close_at_exit(session)
        return session

    def _begin(self, prepared: Prepared) -> None:
        """Tell what has changed, and take in what comes with the opening."""
        if news := prepared.news(self._rankings, self.cycles, self._labelling.gone(self.labels())):
            self._board.publish(message=news)
        # Before the labels, which may start a cycle.
        if prepared.metadata is not None:
            self.metadata_report = self.finding.keep(prepared.metadata, prepared.match_radius)
        if prepared.table is not None:
            self.import_report = self._labelling.take_table(prepared.table)
        if self.metadata_report is not None:
            self._board.publish(message=self.metadata_report)

    def seen_anew(self) -> Self:
        """Open this session again with the network seeing the images as they are shown, then close this one.

        Labels stay; what was computed from the images is computed anew, as :attr:`showing` says. If it cannot
        be opened so, this one stays open, and its folder is as it was. See :func:`rendered_anew`.
        """
        self.showing.consequence(0)
        anew = rendered_anew(self._context, self.status, self.showing.pixels, type(self).open)
        self.close()
        return anew

    @property
    def config(self) -> Config:
        """The settings now."""
        return self._context.config

    @property
    def status(self) -> Status:
        """What the session is doing, as an immutable snapshot."""
        return self._board.status

    @as_in(StatusBoard.subscribe)
    def subscribe(self, callback: Callable[[Status], None]) -> Callable[[], None]:
        """Be told of every change of status, in order, on whichever thread made it."""
        return self._board.subscribe(callback)

    @as_in(Labelling.label)
    def label(
        self, ids: Iterable[str], label: Label | None, origin: str = "api", *, ranking: Ranking | None = None
    ) -> Receipt:
        """Label images, as one event that can be undone as one; durable when this returns."""
        return self._labelling.label(ids, label, origin, ranking=ranking or self.ranking())

    @as_in(Labelling.undo)
    def undo(self, origin: str = "api") -> Receipt | None:
        """Take back the annotator's last event."""
        return self._labelling.undo(origin)

    @as_in(Labelling.redo)
    def redo(self, origin: str = "api") -> Receipt | None:
        """Do again what was undone last."""
        return self._labelling.redo(origin)

    def labels(self) -> Mapping[str, Label]:
        """Return the current labels by image id, an immutable snapshot."""
        return self._journal.view()

    @as_in(Finding.find)
    def find(self, query: Query | None = None) -> Found:
        """Find images."""
        return self.finding.find(query)

    @as_in(crossmatch)
    def crossmatch(
        self,
        table: str | Path | None = None,
        radius: float = RADIUS,
        *,
        service: str | None = None,
        what: What = "found",
        top: int | None = None,
        name: str | None = None,
    ) -> CrossMatch:
        """Look images up among known objects, of a table or of an archive."""
        known = self.finding.known
        return crossmatch(self.results, known, table, radius, service=service, what=what, top=top, name=name)

    def label_matching(self, query: Query, label: Label | None, origin: str = MATCHING) -> Receipt:
        """Label all that match, as one event.

        Parameters
        ----------
        query
            What to look for; raises as :meth:`find`.
        label, origin
            As for :meth:`label`, which says what else is raised.
        """
        return self.label(self.finding.remaining(self.find(query)), label, origin)

    @as_in(export_labels)
    def export_labels(self, path: str | Path) -> int:
        """Write the labels as a CSV file, ``filename,label`` and other columns."""
        return export_labels(Path(path), self.pool, self._journal)

    def report(self) -> Report:
        """Return what was labelled, by whom, and how far they agree."""
        return Report.of(self.path, self.pool, self.labels(), self.people, self.status)

    @as_in(write_page)
    def write_report(self, path: str | Path, top: int = MOST) -> None:
        """Write what the search has come to as one HTML file, whole or not at all."""
        found, lines = self.results.table("found"), self.report().lines()
        write_page(expanded(path), self.pool, found, lines, self.selection.now(), top)

    def ranking(self) -> Ranking:
        """Return the newest ranking; before there is one, the pool's own order as version 0."""
        return self._rankings.newest

    @property
    def outdated(self) -> bool:
        """Whether every image has to be looked at anew by :meth:`rank` before the order follows labels."""
        return self._rankings.outdated()

    @as_in(Ranking.table)
    def ranking_table(self, top: int | None = None) -> pd.DataFrame:
        """Return the newest ranking as a table with the columns ``rank,id,score,label``."""
        return self.ranking().table(self.pool.ids, self.labels(), top)

    @property
    def scorer(self) -> PoolScorer:
        """What scores the pool by the labels and the cycle in use."""
        return self._rankings.scorer

    @as_in(Steering.rank)
    def rank(self, wait: bool = False) -> None:
        """Order the pool by the current labels and, after a cycle, by its network."""
        self._steering.rank(wait)

    @as_in(Steering.train)
    def train(self, steps: int | None = None, wait: bool = False, *, rank: bool = True) -> None:
        """Train one cycle on the current labels, then rank the pool by it."""
        self._steering.train(steps, wait, rank=rank)

    @as_in(Steering.adapt)
    def adapt(self, wait: bool = False) -> None:
        """Adapt the backbone to the pool, which takes no label, then look at every image with it and rank."""
        self._steering.adapt(wait)

    @as_in(Steering.go_back)
    def go_back(self, cycle: int, wait: bool = False) -> None:
        """Let an earlier cycle order the images until the next one is finished."""
        self._steering.go_back(cycle, wait)

    @as_in(Cycles.pin)
    def pin(self, cycle: int, pinned: bool = True) -> None:
        """Keep a cycle's network and scores for good, or no longer than those of other cycles."""
        self._steering.pin(cycle, pinned)

    @as_in(Steering.score_images)
    def score_images(self, images: ImagePool) -> np.ndarray:
        """Score other images by what this session has learnt; return when it is done."""
        return self._steering.score_images(images)

    @property
    def train_every(self) -> int:
        """After how many new labels a cycle starts by itself, kept with the settings; 0 for never."""
        return self.config.train.every

    @train_every.setter
    def train_every(self, labels: int) -> None:
        self.configure({"train.every": labels})

    @property
    def keeps_settings(self) -> bool:
        """Whether settings are kept: no other process holds the writer lock."""
        return self._steering.settings.keeps

    @as_in(Configuring.change)
    def configure(self, values: Mapping[str, Any], *, preset: str | None = None) -> bool:
        """Change settings and keep them; the next cycle and the next ranking follow them."""
        return self._steering.settings.change(values, preset=preset)

    def pause(self) -> None:
        """Let the running job wait after its current step."""
        self._steering.pause()

    @as_in(Steering.resume)
    def resume(self) -> None:
        """Let the paused job go on, or, where none runs, what ran when the session was last left."""
        self._steering.resume()

    def stop(self) -> None:
        """End the running job after its current step; a cycle can be gone on with later."""
        self._steering.stop()

    @as_in(Background.wait)
    def wait(self, timeout: float | None = None) -> Status:
        """Wait for the running job to end, and return the status then."""
        return self._steering.wait(timeout)

    def close(self) -> None:
        """Stop what runs, keep it to go on with, and release its lock. Closing twice does no harm."""
        self._steering.automatic.close()
        self._watcher.close()
        self.pictures.close()
        self._rankings.end_clock()
        self._steering.leave()
        self.wait()
        with self._closing:
            closed, self._closed = self._closed, True
        if closed:
            return
        try:
            self._rankings.keep()
            self.samp.close()
        finally:
            self._context.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Session {self.path} of {len(self.pool):,} images>"
