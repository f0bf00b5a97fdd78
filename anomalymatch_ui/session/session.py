"""The conductor: a pool, its labels, a learner in the background, and the ranking they give."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from anomalymatch_ui.config import Config, ShownConfig
from anomalymatch_ui.errors import AnomalyMatchError, InputError
from anomalymatch_ui.files import expanded
from anomalymatch_ui.labels import (
    LABELS,
    MATCHING,
    WITHOUT_A_LOOK,
    ImportReport,
    Journal,
    Label,
    LabelEvent,
    LabelTable,
    write_labels_csv,
)
from anomalymatch_ui.pool import ImagePool, open_pool
from anomalymatch_ui.session.catalogue.known import RADIUS, CrossMatch
from anomalymatch_ui.session.catalogue.metadata import MATCH_RADIUS
from anomalymatch_ui.session.charts.pictures import Pictures
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.jobs import Background, Reporter, failure_sentence
from anomalymatch_ui.session.core.pen import Pen
from anomalymatch_ui.session.core.status import Counts, Progress, Receipt, Status
from anomalymatch_ui.session.labelling.importing import import_labels, read_table
from anomalymatch_ui.session.labelling.marking import Marking, mark_texts
from anomalymatch_ui.session.labelling.people import People, annotator_name
from anomalymatch_ui.session.labelling.shortlist import shortlisted
from anomalymatch_ui.session.mending.repairing import missing_labels
from anomalymatch_ui.session.outcome.completeness import InjectionRecovery
from anomalymatch_ui.session.outcome.exported import exported_columns
from anomalymatch_ui.session.outcome.replay import Replays
from anomalymatch_ui.session.outcome.report import Report
from anomalymatch_ui.session.outcome.results import Results, What
from anomalymatch_ui.session.search.finding import Finding
from anomalymatch_ui.session.search.found import Found
from anomalymatch_ui.session.search.insight import Insight
from anomalymatch_ui.session.search.query import Query
from anomalymatch_ui.session.search.showing import Showing
from anomalymatch_ui.session.steering import Steering
from anomalymatch_ui.session.work.automatic import AutomaticTraining
from anomalymatch_ui.session.work.cycles import Cycles
from anomalymatch_ui.session.work.ranking import Ranking
from anomalymatch_ui.session.work.rankings import Rankings
from anomalymatch_ui.session.work.watch import Watch

if TYPE_CHECKING:
    import pandas as pd

    from anomalymatch_ui.session.work.scoring import PoolScorer


LOOKS_ANEW = (
    "The images were last looked at in another way than these settings and this version look. Every image "
    "has to be looked at once more, which takes as long as at first. Your labels are safe, and until then "
    "the order stays as it was."
)


class Session(Steering):
    """A search for anomalies in one pool, kept in a folder.

    Everything a person did is on disk when the method that did it returns; opening the folder again
    brings all of it back. All methods may be called from any thread. Use :meth:`open`.

    Attributes
    ----------
    path
        The folder.
    pool
        The images.
    config
        The settings.
    annotator
        Whose labels these are.
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
    showing
        How a person sees the images, where that is not how the network does.
    """

    def __init__(
        self, folder: SessionFolder, pool: ImagePool, config: Config, annotator: str, pen: Pen
    ) -> None:
        self.path = folder.path
        self.pool = pool
        self.config = config
        self.annotator = annotator
        self.import_report: ImportReport | None = None
        self.metadata_report: str | None = None
        self._folder = folder
        self._pen = pen
        self._journal = Journal(folder.journal)
        self._lock = threading.RLock()
        self._settings_lock = threading.RLock()
        self._subscribers: list[Callable[[Status], None]] = []
        self._background = Background(self._publish, pen.check)
        self._rankings = Rankings(
            folder,
            pool,
            config,
            self._journal,
            pen,
            self._announce_ranking,
            lambda sentence: self._publish(error=sentence),
            lambda view: self.insight.evidence(view),
        )
        self.insight = Insight(pool, config, self._journal, self.ranking, self._rankings.embedder)
        self.pictures = Pictures(folder, pool, self._journal, self.ranking, self._rankings.embedder)
        self.cycles = Cycles(folder, pool)
        self.people = People(pool, self._journal)
        self.showing = Showing(pool, lambda: self.config, self._keep_if_mine)
        self.finding = Finding(
            folder, pool, config, self._journal, self.ranking, self.insight, self.cycles, self.people
        )
        self.marking = Marking(pool, self._journal, lambda: self.annotator, self._receipt)
        self.completeness = InjectionRecovery(
            folder, pool, self._journal, lambda: self.scorer, self._start_and_wait
        )
        self.replays = Replays(
            folder,
            pool,
            self._journal,
            lambda: self.config,
            lambda view: self.insight.evidence(view),
            self._start_and_wait,
        )
        self.results = Results(
            folder,
            pool,
            self._journal,
            self.cycles,
            self.ranking,
            lambda: self.config,
            self.finding.metadata,
            self.finding.places,
            self.finding.known,
            self.completeness.kept,
        )
        self._automatic = AutomaticTraining(
            self._journal, self.cycles, lambda: self.train_every, self._train_if_possible
        )
        self._watch = Watch(
            self._journal,
            pen,
            folder,
            self._rankings,
            self._count,
            self._follow_labels,
            self._reread_settings,
            self._take_notice,
        )
        self._closed = False
        self._stopped = False  # whether the job was asked to stop
        self._settings_stamp = folder.settings_stamp
        elsewhere = self._watch.seen.pen
        self._status = Status(
            cycle=folder.cycle,
            cycle_in_use=folder.cycle_in_use,
            kept_cycles=self.cycles.kept,
            pinned_cycles=self.cycles.pinned,
            ranking_version=self._rankings.newest.version,
            counts=self._count(),
            interrupted_step=self._interrupted_step(elsewhere),
            adaptation=self._rankings.embedder().adaptation(),
            unreadable=self._rankings.newest.unreadable,
            looked_at=self._rankings.newest.looked_at,
            scored=self._rankings.newest.scored,
            removed=self._rankings.newest.removed,
            pen_elsewhere=elsewhere,
        )
        if self._status.interrupted_step is not None:
            self._publish(
                message=f"Cycle {folder.cycle + 1} was interrupted at step {self._status.interrupted_step}. "
                "Training goes on from there, with the labels of now."
            )

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
            The pool: a folder of images, an HDF5 file, a Zarr store, or a pool that is open. ``None``
            takes the one the session was made with. Of an archive, the session's shortlist counts if it has
            one (:func:`~anomalymatch_ui.session.make_shortlist`).
        labels
            A table with the columns ``filename,label``, an export of Zooniverse or Label Studio, or the
            folder of a session of AnomalyMatch; see :func:`~anomalymatch_ui.labels.read_labels`. It is
            imported once: opening the session with it again does not override what was labelled since.
        config
            Settings; they replace those of the session. ``None`` takes the session's, or the defaults.
        annotator
            Whose labels these are, a line of at most 100 characters; ``None`` takes the user's name.
        take_over
            Take the pen from another process: it can label on, and trains no more.
        share
            While another process has the pen, label beside it and do not train; settings given are then
            not kept. With ``take_over``, take the pen from a process of the same annotator only.
        embeddings
            A folder for the embedding, which several sessions on the same images may share; ``None`` keeps
            it in the session's own.
        metadata
            A table (CSV, ECSV, VOTable, FITS, Parquet) with the column ``filename`` or ``id``, or with
            positions in degrees, and others to filter by; the session keeps a copy.
        match_radius
            Where the table's rows are matched by position: seconds of arc between an image and its row, at
            most.
        pixels
            How the images are read and rendered, as :func:`~anomalymatch_ui.open_pool` takes it, such as
            ``{"stretch": "asinh"}``; the session keeps it. What is not given is as it was, or as a pool that
            is open has it.
        classes
            What the classes of the table of labels stand for, such as ``"ring=anomaly,*=nominal"``. The
            session keeps it.

        Raises
        ------
        InputError
            If the images, the table, the settings, the name or the folder cannot be used.
        SessionBusyError
            If another process has the pen, and neither ``take_over`` nor ``share`` is true.
        StorageError
            If the disk refuses.
        """
        annotator = annotator_name(annotator)
        folder = SessionFolder(expanded(path), None if embeddings is None else expanded(embeddings))
        if config is None:
            # Unlike Path.exists, of a name too long it says no; the folder is refused in a sentence below.
            config = Config.load(folder.config) if os.path.exists(folder.config) else Config()
        if pixels:
            config = config.with_values(pixels=pixels)
        if images is None:
            images = folder.open_pool(config.pixels)
        elif isinstance(images, str | Path):
            images = open_pool(images, config.pixels)
        config = config.with_values(pixels=images.pixels)
        pool = shortlisted(folder, images)
        table = None if labels is None else read_table(expanded(labels), classes, folder.journal)
        folder.prepare()
        changed, rendered_otherwise = folder.check_pool(pool), folder.is_rendered_otherwise(pool)
        pen = Pen.take(folder.pen, annotator, take_over=take_over, share=share)
        session: Self | None = None
        try:
            if pen.mine:
                folder.sweep()
                if rendered_otherwise:
                    folder.use_cycle(0)
                    folder.interrupted.unlink(missing_ok=True)
                folder.keep_pool(pool)
                config.save(folder.config)
            session = cls(folder, pool, config, annotator, pen)
            if forgotten := session._missing_labels():
                session._publish(message=forgotten)
            elif rendered_otherwise:
                session._publish(
                    message="The images are rendered otherwise than when this session was last open. Labels "
                    "stay; what was computed from the images is computed anew, and the next cycle trains on "
                    "them as they are now."
                )
            elif changed:
                session._publish(message=changed + session._labelled_that_are_gone())
            elif session.outdated:
                session._publish(message=LOOKS_ANEW)
            # Before the labels, which may start a cycle.
            if metadata is not None:
                session.metadata_report = session.finding.keep(expanded(metadata), match_radius)
            if table is not None:
                session._import(table)
            if session.metadata_report is not None:
                session._publish(message=session.metadata_report)
        except BaseException:
            if session is None:
                pen.release()
            else:
                session.close()
            raise
        session._tell_notices()
        session._rankings.catch_up()
        session._watch.start()
        return session

    def seen_anew(self) -> Self:
        """Open this session again with the network seeing the images as they are shown, then close this one.

        Labels stay; what was computed from the images is computed anew, as :attr:`showing` says. If it cannot
        be opened so, this one stays open, and its folder is as it was.

        Raises
        ------
        InputError
            If it sees them so already, a job runs, or the images cannot be opened.
        SessionBusyError
            If another process holds the pen.
        StorageError
            If the disk refuses.
        """
        self.showing.consequence(0)
        if self.status.state != "idle":
            raise InputError(
                "How the network sees the images cannot change while something runs: stop it first."
            )
        self._pen.claim()
        pool = open_pool(self.pool.path, self.showing.pixels())
        try:
            with self._folder.as_it_was_on_failure():
                anew = type(self).open(
                    self.path,
                    pool,
                    config=self.config.with_values(shown=ShownConfig().model_dump()),
                    annotator=self.annotator,
                    take_over=True,  # from this session, which is still open
                    embeddings=self._folder.shared,
                )
        except BaseException:
            pool.close()
            raise
        self.close()
        return anew

    @property
    def status(self) -> Status:
        """What the session is doing, as an immutable snapshot."""
        with self._lock:
            return self._status

    def subscribe(self, callback: Callable[[Status], None]) -> Callable[[], None]:
        """Be told of every change of status, in order, on whichever thread made it.

        Parameters
        ----------
        callback
            Given each new status. It must not wait for another thread.

        Returns
        -------
        Callable
            Ends the subscription.
        """
        with self._lock:
            self._subscribers.append(callback)

        def unsubscribe() -> None:
            with self._lock:
                if callback in self._subscribers:
                    self._subscribers.remove(callback)

        return unsubscribe

    def label(
        self,
        ids: Iterable[str],
        label: Label | None,
        origin: str = "api",
        *,
        ranking: Ranking | None = None,
    ) -> Receipt:
        """Label images, as one event that can be undone as one; durable when this returns.

        Parameters
        ----------
        ids
            Image ids.
        label
            ``"anomaly"``, ``"nominal"``, ``"unsure"`` or ``"artefact"``; ``None`` withdraws the label.
        origin
            Where it comes from, kept in the journal. ``"known"`` says that the images were known before the
            search: such labels are no looks.
        ranking
            The order in which the images were looked at: what it said of each is kept with the label, and
            whether that came true is what forecasts learn from. ``None`` for labels of images that nobody had
            to look for, such as known examples.

        Raises
        ------
        InputError
            If an id is not in the pool, there is none, or the label is unknown.
        StorageError
            If the disk refuses; then nothing is written.
        """
        ids = [ids] if isinstance(ids, str) else list(ids)
        for image_id in ids:
            if image_id not in self.pool:
                raise InputError(f"There is no image {image_id!r} in {self.pool.path}.")
        is_look = ranking is not None and origin not in WITHOUT_A_LOOK
        shown = {name: ranking.shown(self.pool.index(name)) for name in ids} if ranking and is_look else {}
        said = {name: its for name, its in shown.items() if its is not None}
        return self._receipt(self._journal.append(ids, label, self.annotator, origin, said))

    def undo(self, origin: str = "api") -> Receipt | None:
        """Take back the annotator's last event; ``None`` if there is none. Raises as :meth:`label`."""
        event = self._journal.undo(self.annotator, origin)
        return None if event is None else self._receipt(event)

    def redo(self, origin: str = "api") -> Receipt | None:
        """Do again what was undone last; ``None`` if there is nothing. Raises as :meth:`label`."""
        event = self._journal.redo(self.annotator, origin)
        return None if event is None else self._receipt(event)

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
        """Look images up among known objects, of a table or of an archive; the results then have them.

        Parameters
        ----------
        table
            With positions and names; see :meth:`~anomalymatch_ui.session.catalogue.known.KnownObjects.match`.
        radius
            Seconds of arc between an image and a known object at most.
        service
            An archive instead, asked over the network: ``"simbad"``, ``"ned"``, ``"vizier:CATALOGUE"``.
        what, top
            Which images: those of this table of the results, the first ``top`` of it.
        name
            Column of the table that names the objects; ``None`` takes the likeliest.

        Raises
        ------
        InputError
            If not one of table and service is given, it cannot be used, or no image has a position.
        StorageError
            If the disk refuses.
        """
        if (table is None) == (service is None):
            raise InputError("Give either a table of known objects or a service, such as simbad.")
        ids = self.results.images(what, top)
        if service is not None:
            return self.finding.known.look_up(service, ids, radius)
        assert table is not None
        return self.finding.known.match(table, ids, radius, name=name)

    def label_matching(self, query: Query, label: Label | None, origin: str = MATCHING) -> Receipt:
        """Label all that match, as one event. Raises as :meth:`Finding.find` and :meth:`label`."""
        return self.label(self.finding.remaining(self.find(query)), label, origin)

    def export_labels(self, path: str | Path) -> int:
        """Write ``filename,label`` and other columns; gives the number of labels.

        The others are positions, the columns of imported tables, and the probability that the order had shown
        for an image when it was looked at.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        view = self._journal.view()
        columns = exported_columns(
            self._journal.extras(), self.pool, view, self._journal.looks(), mark_texts(self._journal)
        )
        write_labels_csv(Path(path), view, columns)
        return len(view)

    def report(self) -> Report:
        """Return what was labelled, by whom, and how far they agree."""
        return Report.of(self.path, self.pool, self.labels(), self.people, self.status.cycle)

    def ranking(self) -> Ranking:
        """Return the newest ranking; before there is one, the pool's own order as version 0."""
        return self._rankings.newest

    @property
    def outdated(self) -> bool:
        """Whether the images were last looked at in another way than these settings and this version look.

        Until :meth:`rank` has looked at each of them once more, the order does not follow labels.
        """
        return self._rankings.outdated()

    def ranking_table(self, top: int | None = None) -> pd.DataFrame:
        """Return the newest ranking as a table with the columns ``rank,id,score,label``.

        Parameters
        ----------
        top
            How many of the most likely images; ``None`` gives all.
        """
        return self.ranking().table(self.pool.ids, self.labels(), top)

    def rank(self, wait: bool = False) -> None:
        """Order the pool by the labels now and, after a cycle, by its network.

        Runs in the background unless ``wait``; the new ranking is announced by the status.

        Raises
        ------
        InputError
            If a job runs already.
        """
        self._start("rank", self._rankings.rank, wait)

    def score_images(self, images: ImagePool) -> np.ndarray:
        """Score other images by what this session has learnt; returns when it is done.

        Parameters
        ----------
        images
            Another pool.

        Returns
        -------
        numpy.ndarray
            float32 ``(len(images),)``, on the same scale as the ranking's scores; NaN where an image could
            not be read.

        Raises
        ------
        InputError
            If a job runs already, or this one is stopped.
        """
        scores: list[np.ndarray] = []

        def work(reporter: Reporter) -> None:
            scores.append(self._rankings.scorer.scores_of(images, self.labels(), reporter))

        self._start("score", work, wait=True)
        if not scores:
            raise InputError("The scoring of other images was stopped. Ask again to score them.")
        return scores[0]

    @property
    def scorer(self) -> PoolScorer:
        """What scores the pool by the labels and the cycle in use."""
        return self._rankings.scorer

    def close(self) -> None:
        """Stop what runs, keep it, and give the pen back. Closing twice does no harm."""
        self._automatic.close()
        self._watch.close()
        self.pictures.close()
        self._rankings.end_clock()
        self.stop()
        self.wait()
        with self._lock:
            closed, self._closed = self._closed, True
        if closed:
            return
        self._rankings.keep()
        self._journal.close()
        self._pen.release()
        self.pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Session {self.path} of {len(self.pool):,} images>"

    def _labelled_that_are_gone(self) -> str:
        gone = sum(name not in self.pool for name in self.labels())
        are = "1 labelled image is" if gone == 1 else f"{gone:,} labelled images are"
        return f" {are} not among them now; what was said of them is kept." if gone else ""

    def _missing_labels(self) -> str | None:
        remembered = [self._rankings.newest.last_seq, *(cycle.last_seq for cycle in self.cycles.all())]
        return missing_labels(self._journal.last_seq, remembered)

    def _announce_ranking(self) -> None:
        with self._lock:  # the newest under the lock, so that the version never goes back
            self._publish(ranking_version=self._rankings.newest.version)

    def _take_notice(self, **changes: Any) -> None:
        """Publish what the watch has seen of other processes."""
        if "pen_elsewhere" in changes and self.status.state == "idle":
            changes["interrupted_step"] = self._interrupted_step(changes["pen_elsewhere"])
        self._publish(**changes)

    def _reread_settings(self) -> None:
        try:
            self._follow_settings()
        except AnomalyMatchError as error:
            self._publish(error=str(error))

    def _interrupted_step(self, elsewhere: str | None) -> int | None:
        """Return the step a cycle can be gone on with from; while another process trains, it is not ours."""
        return None if elsewhere is not None else self.cycles.interrupted_step(self.config)

    def _start(self, name: str, work: Callable[[Reporter], None], wait: bool) -> None:
        self._pen.claim()
        self._stopped = False
        self._background.start(name, work, self._job_end)
        if wait:
            self._background.finish()

    def _start_and_wait(self, name: str, work: Callable[[Reporter], None]) -> None:
        self._start(name, work, wait=True)

    def _tell_notices(self) -> None:
        """Tell of damage that was met and mended, beside what is told already."""
        notices = self._folder.notices
        told = list(dict.fromkeys(notices))
        notices.clear()
        if told:
            self._publish(message=" ".join(filter(None, [self.status.message, *told])))

    def _job_end(self, error: BaseException | None) -> None:
        self._tell_notices()
        self._publish(
            phase="idle",
            state="idle",
            progress=Progress(),
            error=None if error is None else failure_sentence(error, self.path),
            cycle=self._folder.cycle,
            cycle_in_use=self._folder.cycle_in_use,
            kept_cycles=self.cycles.kept,
            pinned_cycles=self.cycles.pinned,
            interrupted_step=self.cycles.interrupted_step(self.config),
            adaptation=self._rankings.embedder().adaptation(),
        )
        self._reread_settings()
        if self._stopped:
            self._automatic.put_off()
        else:
            self._automatic.look()

    def _receipt(self, event: LabelEvent) -> Receipt:
        self._publish(counts=self._count())
        if event.labels:
            self._follow_labels()
        marked = tuple(dict.fromkeys(image_id for image_id, _ in event.marks))
        return Receipt(event.seq, event.time, event.labels, event.passed_over, marked)

    def _follow_labels(self) -> None:
        self._rankings.tick()
        self._automatic.label_came()

    def _count(self) -> Counts:
        counted = Counter(label for name, label in self._journal.view().items() if name in self.pool)
        return Counts(len(self.pool), *(counted[label] for label in LABELS))

    def _import(self, table: LabelTable) -> None:
        self.import_report, event = import_labels(table, self.pool, self._journal)
        if event is not None:
            self._receipt(event)
            self._publish(message=self.import_report.sentence())

    def _publish(self, **changes: Any) -> None:
        with self._lock:
            # Those met so far; or, when the session is opened again, those that the ranking lacks.
            newest = self._rankings.newest
            self._status = status = replace(
                self._status,
                unreadable=max(len(self.pool.report), newest.unreadable),
                looked_at=newest.looked_at,
                scored=newest.scored,
                removed=newest.removed,
                **changes,
            )
            # Under the lock, so that nobody is told of an older status after a newer one.
            for callback in tuple(self._subscribers):
                callback(status)
