"""The append-only record of every label, from which the current labels are derived."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels.agreement import disagreements
from anomalymatch_ui.labels.entries import JournalEntry, Label, LabelEvent, Look, Shown
from anomalymatch_ui.labels.history import Touched
from anomalymatch_ui.labels.journalfile import JournalFile, OpenFile
from anomalymatch_ui.labels.rows import entries_of
from anomalymatch_ui.labels.state import JournalState, check_labels
from anomalymatch_ui.labels.viewed import ViewedFile


class Journal:
    """Labels in an append-only SQLite file.

    Rows are only ever added, one for each image an event touches; the current labels, and what each
    annotator can undo and redo, follow from the rows alone. When a method that writes returns, what
    it wrote is on the disk. Several threads may use one journal, and several processes may open one
    file: each sees the others' rows, and the last row of an image counts.

    Every row has a checksum, and all are checked when the file is opened. Beside the file lies a copy of it
    (:class:`~anomalymatch_ui.labels.copies.JournalCopy`), and when nobody has written for a while its log is
    written into it: what befalls one of them, the others can mend
    (:func:`~anomalymatch_ui.labels.repair.repair_journal`).

    Parameters
    ----------
    path
        The file; made when it is missing, in a folder that exists.
    viewed
        Why the file can only be read, a sentence, with which every method that writes raises
        ``ReadOnlyError``; empty if it can be written.

    Raises
    ------
    InputError
        If the file is not a journal, or of a newer version.
    DamagedJournalError
        If a row of it is damaged or missing.
    StorageError
        If the disk refuses.
    """

    def __init__(self, path: Path, *, viewed: str = "") -> None:
        self.path = Path(path)
        self._lock = threading.RLock()
        self._file: OpenFile
        self._file = ViewedFile(self.path, viewed) if viewed else JournalFile(self.path, self._lock)
        self._state = JournalState(self._file)

    def append(
        self,
        ids: Iterable[str],
        label: Label | None,
        annotator: str,
        origin: str,
        shown: Mapping[str, Shown] | None = None,
    ) -> LabelEvent:
        """Label images, as one event.

        Parameters
        ----------
        ids
            Image ids; one that comes twice counts once.
        label
            One of :data:`~anomalymatch_ui.labels.LABELS`; ``None`` withdraws the label.
        annotator
            Who says so.
        origin
            Where it comes from, such as ``"key"``.
        shown
            What the order said of the images as they were looked at, by image id.

        Raises
        ------
        InputError
            If there are no ids, or the label is not one of those.
        StorageError
            If the disk refuses; then nothing is written.
        """
        return self.append_many(dict.fromkeys(ids, label), annotator, origin, shown=shown)

    def append_many(
        self,
        labels: Mapping[str, Label | None],
        annotator: str,
        origin: str,
        *,
        extras: Mapping[str, Mapping[str, str]] | None = None,
        meta: Mapping[str, str] | None = None,
        shown: Mapping[str, Shown] | None = None,
    ) -> LabelEvent:
        """Label each image with its own label, as one event; an import is one.

        Parameters
        ----------
        labels
            New label of each image; ``None`` withdraws it.
        annotator, origin
            As for :meth:`append`.
        extras, meta
            Kept in the same transaction, see :meth:`keep_extras` and :meth:`keep_meta`, so that a crash
            leaves all of an import or nothing.
        shown
            As for :meth:`append`.

        Raises
        ------
        InputError
            If there are no labels, or one is unknown.
        StorageError
            If the disk refuses; then nothing is written.
        """
        check_labels(labels)
        with self._lock:
            with self._file.writing() as writing:
                self._state.read_new_rows()
                changes: dict[Touched, str | None] = {(name, None): label for name, label in labels.items()}
                entries = self._state.write(
                    writing, changes, annotator, origin, reverts=None, shown=shown or {}
                )
                writing.extras(extras or {})
                writing.meta(meta or {})
            return self._state.accept(entries)

    def mark(self, changes: Mapping[tuple[str, str], str | None], annotator: str, origin: str) -> LabelEvent:
        """Set marks of images, as one event; see :mod:`~anomalymatch_ui.labels.marks`.

        Parameters
        ----------
        changes
            New value by image id and mark; ``None`` takes it away.
        annotator, origin
            As for :meth:`append`.

        Raises
        ------
        InputError
            If there are none.
        StorageError
            If the disk refuses; then nothing is written.
        """
        if not changes:
            raise InputError("There is no image to mark. Name at least one.")
        with self._lock:
            with self._file.writing() as writing:
                self._state.read_new_rows()
                touched: dict[Touched, str | None] = {key: value for key, value in changes.items()}
                entries = self._state.write(writing, touched, annotator, origin, reverts=None, shown={})
            return self._state.accept(entries)

    def marks(self) -> Mapping[str, Mapping[str, str]]:
        """Return the values of the marks that images have now, by image id and mark: a snapshot.

        Raises
        ------
        StorageError
            If the file cannot be read.
        """
        with self._lock:
            self._state.refresh()
            return self._state.views.marks

    def undo(self, annotator: str, origin: str) -> LabelEvent | None:
        """Take back the annotator's last action, a bulk label as a whole.

        Each image gets the label it had before. An image that another annotator has labelled since is
        left alone, and an action of which nothing else is left is passed over.

        Returns
        -------
        LabelEvent or None
            ``None`` if there is nothing to undo.

        Raises
        ------
        StorageError
            If the disk refuses; then nothing is written.
        """
        return self._revert(annotator, origin, redo=False)

    def redo(self, annotator: str, origin: str) -> LabelEvent | None:
        """Take back the annotator's last undo, unless they have labelled anything since.

        Returns
        -------
        LabelEvent or None
            ``None`` if there is nothing to redo.

        Raises
        ------
        StorageError
            If the disk refuses; then nothing is written.
        """
        return self._revert(annotator, origin, redo=True)

    def view(self) -> Mapping[str, Label]:
        """Return the current labels by image id: an immutable snapshot, the rows of others included.

        Raises
        ------
        StorageError
            If the file cannot be read.
        """
        with self._lock:
            self._state.refresh()
            return self._state.views.labels

    def by_annotator(self) -> Mapping[str, Mapping[str, Label]]:
        """Return each annotator's own present word on each image: an immutable snapshot.

        A word is the annotator's last label of an image that they have not undone, whatever others said
        later; an undo restores their former word. A withdrawn label is no word, and who has no word is
        left out. An imported table is an annotator of its own.

        Returns
        -------
        Mapping
            Label by annotator, sorted, and image id.

        Raises
        ------
        StorageError
            If the file cannot be read.
        """
        with self._lock:
            self._state.refresh()
            return self._state.views.words

    def disagreements(self) -> tuple[str, ...]:
        """Return the ids of the images on which the annotators' present words differ, sorted.

        See :func:`~anomalymatch_ui.labels.agreement.disagreements`.
        """
        return disagreements(self.by_annotator())

    def looked_at(self) -> frozenset[str]:
        """Return the ids of the images that have a label now, and got their first one from a look.

        Not those whose label came with a table, was known before, or was given to all of a list at once.

        Raises
        ------
        StorageError
            If the file cannot be read.
        """
        with self._lock:
            self._state.refresh()
            return self._state.views.looked_at

    def seen(self) -> frozenset[str]:
        """Return the ids of the images on which somebody has a word now that they gave at a look.

        Not those that were labelled with all of a list at once, or known before, and not looked at.

        Raises
        ------
        StorageError
            If the file cannot be read.
        """
        with self._lock:
            self._state.refresh()
            return self._state.views.history.seen()

    def looks(self) -> tuple[Look, ...]:
        """Return the images that were looked at in an order, in that of the looks: an immutable snapshot.

        Each with its label of now, and with what was said of it when it had none yet.

        Raises
        ------
        StorageError
            If the file cannot be read.
        """
        with self._lock:
            self._state.refresh()
            return self._state.views.history.looks()

    def touched(self) -> frozenset[str]:
        """Return the ids of all images that were ever labelled, also of those whose label was withdrawn."""
        with self._lock:
            self._state.refresh()
            return self._state.views.history.touched

    @property
    def last_seq(self) -> int:
        """Number of the newest row, 0 while there is none."""
        with self._lock:
            self._state.refresh()
            return self._state.views.history.last_seq

    @property
    def last_foreign_seq(self) -> int:
        """Number of the newest row that somebody else wrote, or that was there at the start; 0 if none."""
        with self._lock:
            self._state.refresh()
            return self._state.foreign_seq

    def entries(self, since: int = 0, *, marks: bool = False) -> list[JournalEntry]:
        """Return the rows after number ``since``, in order.

        Parameters
        ----------
        since
            Number of the row before.
        marks
            All rows; else those about labels alone.

        Raises
        ------
        StorageError
            If the file cannot be read.
        """
        with self._lock:
            entries = entries_of(self._file.rows_after(since))
            return entries if marks else [entry for entry in entries if entry.mark is None]

    def extras(self) -> dict[str, dict[str, str]]:
        """Return the other columns of imported tables, by image id and column name."""
        with self._lock:
            return self._file.extras()

    def keep_extras(self, extras: Mapping[str, Mapping[str, str]]) -> None:
        """Keep other columns of images, so that an export can give them back; former ones stay beside them.

        Raises
        ------
        StorageError
            If the disk refuses; then nothing is written.
        """
        with self._lock, self._file.writing() as writing:
            writing.extras(extras)

    def meta(self) -> dict[str, str]:
        """Return the small facts kept beside the labels, such as the digest of an imported table."""
        with self._lock:
            return self._file.meta()

    def keep_meta(self, meta: Mapping[str, str], seen: Mapping[str, str | None] | None = None) -> None:
        """Keep small facts beside the labels; a key that is there already gets the new value.

        Nothing is kept if a fact is not as it was ``seen``: then another process was quicker.

        Raises
        ------
        StorageError
            If the disk refuses; then nothing is written.
        """
        with self._lock, self._file.writing() as writing:
            held = self._file.meta() if seen else {}
            if all(held.get(key) == value for key, value in (seen or {}).items()):
                writing.meta(meta)

    def check_place(self) -> None:
        """Check that the next label would be found again.

        Raises
        ------
        StorageError
            If the file or its folder has been deleted, moved or replaced since it was opened.
        """
        with self._lock:
            self._file.check_place()

    def close(self) -> None:
        """Close the file. Closing twice does no harm."""
        with self._lock:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _revert(self, annotator: str, origin: str, *, redo: bool) -> LabelEvent | None:
        with self._lock:
            with self._file.writing() as writing:
                self._state.read_new_rows()
                find = self._state.views.history.redoable if redo else self._state.views.history.undoable
                before = find(annotator)
                if before is None:
                    return None
                entries = self._state.write(
                    writing, before.values, annotator, origin, before.action, shown={}
                )
            return replace(self._state.accept(entries), passed_over=before.passed_over)
