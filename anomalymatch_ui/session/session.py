"""The conductor: a pool, its labels, a learner in the background, and the ranking they give."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from anomalymatch_ui.config import Config
from anomalymatch_ui.files import expanded
from anomalymatch_ui.labels import MATCHING, ImportReport, Label
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.session.catalogue.known import RADIUS, CrossMatch
from anomalymatch_ui.session.catalogue.metadata import MATCH_RADIUS
from anomalymatch_ui.session.charts.pictures import Pictures
from anomalymatch_ui.session.core.board import StatusBoard
from anomalymatch_ui.session.core.context import Context
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
        """Open a session folder, or make one.

        Parameters
        ----------
        path
            The folder.
        images
            What :func:`~anomalymatch_ui.open_pool` takes, or a pool that is open. ``None`` takes the one the
            session was made with. Of an archive, the session's shortlist counts if it has one.
        labels
            What :func:`~anomalymatch_ui.labels.read_labels` reads. It is imported once: opening the session
            with it again does not override what was labelled since.
        config
            Settings; they replace those of the session. ``None`` takes the session's, or the defaults.
        annotator
            Whose labels these are, a line of at most 100 characters; ``None`` takes the user's name.
        take_over
            Take the writer lock from another process: it can label on, and trains no more.
        share
            While another process has the lock, label beside it, without training or keeping settings. With
            ``take_over``, take the lock from a process of the same annotator only.
        embeddings
            A folder for the embedding, which several sessions on the same images may share; ``None`` keeps
            it in the session's own.
        metadata
            A table (CSV, ECSV, VOTable, FITS, Parquet) with the column ``filename`` or ``id``, or with
            positions in degrees, and others to filter by; a copy is kept.
        match_radius
            Seconds of arc between an image and its row at most, where rows are matched by position.
        pixels
            How the images are read and rendered, as :func:`~anomalymatch_ui.open_pool` takes it; it is kept.
            What is not given is as it was, or as a pool that is open has it.
        classes
            What the classes of the labels stand for, such as ``"ring=anomaly,*=nominal"``; it is kept.

        Raises
        ------
        InputError
            If the images, the table, the settings, the name or the folder cannot be used.
        SessionBusyError
            If another process has the lock, and neither ``take_over`` nor ``share`` is true.
        StorageError
            If the disk refuses.
        """
        prepared = prepare(
            path, images, labels, config, annotator, take_over, share, embeddings, pixels, classes
        )
        session: Self | None = None
        try:
            session = cls(prepared.context)
            session._begin(prepared, metadata, match_radius)
        except BaseException:
            (prepared.context.close if session is None else session.close)()
            raise
        session._steering.tell_notices()
        session._rankings.catch_up()
        session._watcher.start()
        return session

    def _begin(self, prepared: Prepared, metadata: str | Path | None, match_radius: float) -> None:
        """Tell what has changed, and take in what comes with the opening."""
        if news := prepared.news(self._rankings, self.cycles, self._labelling.gone(self.labels())):
            self._board.publish(message=news)
        # Before the labels, which may start a cycle.
        if metadata is not None:
            self.metadata_report = self.finding.keep(expanded(metadata), match_radius)
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

    def subscribe(self, callback: Callable[[Status], None]) -> Callable[[], None]:
        """Be told of each change of status, on the thread that made it; see :meth:`StatusBoard.subscribe`."""
        return self._board.subscribe(callback)

    def label(
        self, ids: Iterable[str], label: Label | None, origin: str = "api", *, ranking: Ranking | None = None
    ) -> Receipt:
        """Label images, as one event, durable when this returns; see :meth:`Labelling.label`."""
        return self._labelling.label(ids, label, origin, ranking=ranking)

    def undo(self, origin: str = "api") -> Receipt | None:
        """Take back the annotator's last event; ``None`` if there is none. Raises as :meth:`label`."""
        return self._labelling.undo(origin)

    def redo(self, origin: str = "api") -> Receipt | None:
        """Do again what was undone last; ``None`` if there is nothing. Raises as :meth:`label`."""
        return self._labelling.redo(origin)

    def labels(self) -> Mapping[str, Label]:
        """Return the current labels by image id, an immutable snapshot."""
        return self._journal.view()

    def find(self, query: Query | None = None) -> Found:
        """Find images; see :meth:`Finding.find`."""
        return self.finding.find(query)

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
        """Look images up among known objects, of a table or of an archive; see :func:`crossmatch`."""
        known = self.finding.known
        return crossmatch(self.results, known, table, radius, service=service, what=what, top=top, name=name)

    def label_matching(self, query: Query, label: Label | None, origin: str = MATCHING) -> Receipt:
        """Label all that match, as one event. Raises as :meth:`Finding.find` and :meth:`label`."""
        return self.label(self.finding.remaining(self.find(query)), label, origin)

    def export_labels(self, path: str | Path) -> int:
        """Write ``filename,label`` and what else is known; see :func:`export_labels`."""
        return export_labels(Path(path), self.pool, self._journal)

    def report(self) -> Report:
        """Return what was labelled, by whom, and how far they agree."""
        return Report.of(self.path, self.pool, self.labels(), self.people, self.status)

    def write_report(self, path: str | Path, top: int = MOST) -> None:
        """Write what the search has come to as one HTML file; see :func:`write_page`."""
        found, lines = self.results.table("found"), self.report().lines()
        write_page(expanded(path), self.pool, found, lines, self.selection.now(), top)

    def ranking(self) -> Ranking:
        """Return the newest ranking; before there is one, the pool's own order as version 0."""
        return self._rankings.newest

    @property
    def outdated(self) -> bool:
        """Whether every image has to be looked at anew by :meth:`rank` before the order follows labels."""
        return self._rankings.outdated()

    def ranking_table(self, top: int | None = None) -> pd.DataFrame:
        """Return the newest ranking as a table, ``rank,id,score,label``; its first ``top`` rows, or all."""
        return self.ranking().table(self.pool.ids, self.labels(), top)

    @property
    def scorer(self) -> PoolScorer:
        """What scores the pool by the labels and the cycle in use."""
        return self._rankings.scorer

    def rank(self, wait: bool = False) -> None:
        """Order the pool by the labels now and, after a cycle, by its network; see :meth:`Steering.rank`."""
        self._steering.rank(wait)

    def train(self, steps: int | None = None, wait: bool = False, *, rank: bool = True) -> None:
        """Train one cycle on the labels now, then rank the pool by it; see :meth:`Steering.train`."""
        self._steering.train(steps, wait, rank=rank)

    def adapt(self, wait: bool = False) -> None:
        """Adapt the backbone to the pool, which takes no label, then rank; see :meth:`Steering.adapt`."""
        self._steering.adapt(wait)

    def go_back(self, cycle: int, wait: bool = False) -> None:
        """Let an earlier cycle order the images; see :meth:`Steering.go_back`."""
        self._steering.go_back(cycle, wait)

    def pin(self, cycle: int, pinned: bool = True) -> None:
        """Keep a cycle's network for good, or no longer than others; see :meth:`Steering.pin`."""
        self._steering.pin(cycle, pinned)

    def score_images(self, images: ImagePool) -> np.ndarray:
        """Score other images by what this session has learnt; see :meth:`Steering.score_images`."""
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

    def configure(self, values: Mapping[str, Any], *, preset: str | None = None) -> bool:
        """Change settings and keep them; return whether to rank then. See :meth:`Configuring.change`."""
        return self._steering.settings.change(values, preset=preset)

    def pause(self) -> None:
        """Let the running job wait after its current step."""
        self._steering.pause()

    def resume(self) -> None:
        """Let the paused job go on, or what ran when the session was left; see :meth:`Steering.resume`."""
        self._steering.resume()

    def stop(self) -> None:
        """End the running job after its current step; a cycle can be gone on with later."""
        self._steering.stop()

    def wait(self, timeout: float | None = None) -> Status:
        """Wait for the running job to end, at most ``timeout`` seconds."""
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
