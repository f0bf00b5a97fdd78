"""What has to be there before a session is: its folder, its images, its settings, the lock, its journal."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from anomalymatch_ui.config import Config, PixelsConfig, ShownConfig
from anomalymatch_ui.errors import InputError, StorageError
from anomalymatch_ui.files import expanded
from anomalymatch_ui.labels import Journal, LabelTable
from anomalymatch_ui.pool import ImagePool, open_pool
from anomalymatch_ui.session.core.context import Context, LiveSettings
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.identity import identity_of
from anomalymatch_ui.session.core.status import Status
from anomalymatch_ui.session.core.writable import refused, why_read_only
from anomalymatch_ui.session.core.writer_lock import WriterLock
from anomalymatch_ui.session.labelling.importing import read_table
from anomalymatch_ui.session.labelling.people import annotator_name
from anomalymatch_ui.session.labelling.shortlist import shortlisted
from anomalymatch_ui.session.labelling.working_set import choose_working_set
from anomalymatch_ui.session.mending.repairing import missing_labels
from anomalymatch_ui.session.work.cycles import Cycles
from anomalymatch_ui.session.work.rankings import Rankings

S = TypeVar("S")

LOOKS_ANEW = (
    "With these settings, or in this version, the images are looked at differently from before. Every image "
    "has to be looked at again, which takes as long as the first time. Your labels are safe, and the order "
    "stays as it was until then."
)

RENDERED_DIFFERENTLY = (
    "The images are rendered differently from when this session was last open. Labels stay; what was "
    "computed from the images is computed anew, and the next cycle trains on them as they are now."
)


@dataclass(frozen=True)
class Prepared:
    """A folder that is ready to be worked in.

    Attributes
    ----------
    context
        What the parts of the session have in common.
    table
        The table of labels to import; ``None`` if none is given.
    changed
        How the images differ from when the session was last open, as a sentence; empty if they do not.
    rendered_otherwise
        Whether they are rendered differently.
    metadata
        The table of metadata to keep; ``None`` if none is given.
    match_radius
        Seconds of arc between an image and its row of that table at most.
    """

    context: Context
    table: LabelTable | None
    changed: str
    rendered_otherwise: bool
    metadata: Path | None
    match_radius: float

    def news(self, rankings: Rankings, cycles: Cycles, gone: int) -> str | None:
        """Return what the person is to know first; ``None`` if nothing has changed.

        Parameters
        ----------
        rankings, cycles
            Rankings and cycles of the session; they know the newest rows of the journal that they were
            made with.
        gone
            How many labelled images are not among the images now.
        """
        remembered = [rankings.newest.last_seq, *(cycle.last_seq for cycle in cycles.all())]
        if forgotten := missing_labels(self.context.journal.last_seq, remembered):
            return forgotten
        if self.rendered_otherwise:
            return RENDERED_DIFFERENTLY
        if self.changed:
            are = "1 labelled image is" if gone == 1 else f"{gone:,} labelled images are"
            rest = f" {are} not among them now; what was said of them is kept." if gone else ""
            return self.changed + rest
        return LOOKS_ANEW if rankings.outdated() else None


def prepare(
    path: str | Path,
    images: str | Path | ImagePool | None,
    labels: str | Path | None,
    config: Config | None,
    annotator: str | None,
    take_over: bool,
    share: bool,
    embeddings: str | Path | None,
    metadata: str | Path | None,
    match_radius: float,
    pixels: Mapping[str, Any] | None,
    classes: str | Mapping[str, str] | None,
) -> Prepared:
    """Open what a session needs, and take the lock.

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
    annotator = annotator_name(annotator)
    folder = SessionFolder(expanded(path), None if embeddings is None else expanded(embeddings))
    if config is None:
        # Unlike Path.exists, of a name too long it says no; the folder is refused in a sentence below.
        config = Config.load(folder.config) if os.path.exists(folder.config) else Config()
    if pixels:
        config = config.with_values(pixels=pixels)
    with ExitStack() as opened:  # what is closed, or given back, if anything below refuses
        if images is None:
            images = folder.open_pool(config.pixels)
            opened.callback(images.close)
        elif isinstance(images, str | Path):
            images = open_pool(images, config.pixels)
            opened.callback(images.close)
        config = config.with_values(pixels=images.pixels)
        reason = why_read_only(folder)
        chosen = choose_working_set(
            folder,
            images,
            config,
            labels=None if labels is None else expanded(labels),
            classes=classes,
            annotator=annotator,
            # Who only reads, or labels beside others, finds the previous order.
            renew=(take_over or not share) and not reason,
        )
        if chosen:
            folder.notices.append(chosen)
        pool = shortlisted(folder, images)
        table = None if labels is None else read_table(expanded(labels), classes, folder.journal)
        if not reason:
            folder.prepare()
        changed, rendered_otherwise = folder.check_pool(pool), folder.is_rendered_otherwise(pool)
        lock = _writer_lock(folder, annotator, reason, take_over=take_over, share=share)
        opened.callback(lock.release)
        if lock.mine:
            folder.sweep()
            if rendered_otherwise:
                folder.use_cycle(0)
                folder.interrupted.unlink(missing_ok=True)
            folder.keep_pool(pool)
            config.save(folder.config)
        journal = Journal(folder.journal, viewed=lock.refusal)
        opened.callback(journal.close)
        context = Context(
            folder, pool, journal, lock, annotator, LiveSettings(config), identity_of(journal, folder.path)
        )
        opened.pop_all()
    beside = None if metadata is None else expanded(metadata)
    return Prepared(context, table, changed, rendered_otherwise, beside, match_radius)


def _writer_lock(
    folder: SessionFolder, annotator: str, reason: str, *, take_over: bool, share: bool
) -> WriterLock:
    """Take the lock; where nothing can be written, return one that says so whenever it is asked for."""
    if not reason:
        try:
            return WriterLock.take(folder.writer_lock, annotator, take_over=take_over, share=share)
        except StorageError as error:
            reason = refused(folder, error)
            if not reason:
                raise
    return WriterLock.withheld(folder.writer_lock, annotator, reason)


def rendered_anew(
    context: Context, status: Status, pixels: Callable[[], PixelsConfig], open_session: Callable[..., S]
) -> S:
    """Open a session again with the network seeing the images as they are shown.

    Parameters
    ----------
    context, status
        What the parts of the session share, which stays open, and its status.
    pixels
        Returns how the images are shown.
    open_session
        Opens a session, as :meth:`Session.open` does.

    Raises
    ------
    InputError
        If a job runs, or the images cannot be opened; then the folder is as it was.
    """
    if status.state != "idle":
        raise InputError("How the network sees the images cannot change while something runs: stop it first.")
    context.writer_lock.claim()
    pool = open_pool(context.pool.path, pixels())
    try:
        with context.folder.as_it_was_on_failure():
            return open_session(
                context.folder.path,
                pool,
                config=context.config.with_values(shown=ShownConfig().model_dump()),
                annotator=context.annotator,
                take_over=True,  # from the session that is still open
                embeddings=context.folder.shared,
            )
    except BaseException:
        pool.close()
        raise
