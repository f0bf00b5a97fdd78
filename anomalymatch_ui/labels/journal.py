"""The append-only record of every label, from which the current labels are derived."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels.agreement import disagreements
from anomalymatch_ui.labels.database import database_errors, encode, open_database, transaction
from anomalymatch_ui.labels.entries import LABELS, JournalEntry, Label, LabelEvent, Look, Shown
from anomalymatch_ui.labels.history import History

_SELECT = (
    "SELECT seq, time, image_id, label, annotator, origin, action, reverts, probability, height "
    "FROM journal WHERE seq > ? ORDER BY seq"
)
_INSERT = (
    "INSERT INTO journal "
    "(seq, time, image_id, label, annotator, origin, action, reverts, probability, height) "
    "VALUES (?, ?, CAST(? AS TEXT), ?, ?, ?, ?, ?, ?, ?)"
)


class Journal:
    """Labels in an append-only SQLite file.

    Rows are only ever added, one for each image an event touches; the current labels, and what each
    annotator can undo and redo, follow from the rows alone. When a method that writes returns, what
    it wrote is on the disk. Several threads may use one journal, and several processes may open one
    file: each sees the others' rows, and the last row of an image counts.

    Parameters
    ----------
    path
        The file; made when it is missing, in a folder that exists.

    Raises
    ------
    InputError
        If the file is not a journal, or of a newer version.
    StorageError
        If the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._lock = threading.RLock()
        self._history = History()
        self._view: Mapping[str, Label] | None = None
        self._words: Mapping[str, Mapping[str, Label]] | None = None
        self._looked_at: frozenset[str] | None = None
        self._foreign_seq = 0
        self._data_version = -1
        self._connection = open_database(self.path)
        self._refresh()

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
            ``"anomaly"``, ``"nominal"`` or ``"unsure"``; ``None`` withdraws the label.
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
        _check(labels)
        with self._lock, database_errors(self.path):
            with transaction(self._connection):
                self._read_new_rows()
                entries = self._write(labels, annotator, origin, reverts=None, shown=shown or {})
                self._write_extras(extras or {})
                self._write_meta(meta or {})
            return self._accept(entries)

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
            self._refresh()
            if self._view is None:
                self._view = MappingProxyType(dict(self._history.labels))
            return self._view

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
            self._refresh()
            if self._words is None:
                words = self._history.words()
                self._words = MappingProxyType({name: MappingProxyType(own) for name, own in words.items()})
            return self._words

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
            self._refresh()
            if self._looked_at is None:
                self._looked_at = self._history.looked_at()
            return self._looked_at

    def seen(self) -> frozenset[str]:
        """Return the ids of the images on which somebody has a word now that they gave at a look.

        Not those that were labelled with all of a list at once, or known before, and not looked at.

        Raises
        ------
        StorageError
            If the file cannot be read.
        """
        with self._lock:
            self._refresh()
            return self._history.seen()

    def looks(self) -> tuple[Look, ...]:
        """Return the images that were looked at in an order, in that of the looks: an immutable snapshot.

        Each with its label of now, and with what was said of it when it had none yet.

        Raises
        ------
        StorageError
            If the file cannot be read.
        """
        with self._lock:
            self._refresh()
            return self._history.looks()

    def touched(self) -> frozenset[str]:
        """Return the ids of all images that were ever labelled, also of those whose label was withdrawn."""
        with self._lock:
            self._refresh()
            return self._history.touched

    @property
    def last_seq(self) -> int:
        """Number of the newest row, 0 while there is none."""
        with self._lock:
            self._refresh()
            return self._history.last_seq

    @property
    def last_foreign_seq(self) -> int:
        """Number of the newest row that somebody else wrote, or that was there at the start; 0 if none."""
        with self._lock:
            self._refresh()
            return self._foreign_seq

    def entries(self, since: int = 0) -> list[JournalEntry]:
        """Return the rows after number ``since``, in order.

        Raises
        ------
        StorageError
            If the file cannot be read.
        """
        with self._lock, database_errors(self.path):
            return [_entry(*row) for row in self._connection.execute(_SELECT, (since,))]

    def extras(self) -> dict[str, dict[str, str]]:
        """Return the other columns of imported tables, by image id and column name."""
        with self._lock, database_errors(self.path):
            rows = self._connection.execute("SELECT image_id, columns FROM extras ORDER BY rowid").fetchall()
        return {image_id: json.loads(columns) for image_id, columns in rows}

    def keep_extras(self, extras: Mapping[str, Mapping[str, str]]) -> None:
        """Keep other columns of images, so that an export can give them back; former ones stay beside them.

        Raises
        ------
        StorageError
            If the disk refuses; then nothing is written.
        """
        with self._lock, database_errors(self.path), transaction(self._connection):
            self._write_extras(extras)

    def meta(self) -> dict[str, str]:
        """Return the small facts kept beside the labels, such as the digest of an imported table."""
        with self._lock, database_errors(self.path):
            return dict(self._connection.execute("SELECT key, value FROM meta").fetchall())

    def keep_meta(self, meta: Mapping[str, str]) -> None:
        """Keep small facts beside the labels; a key that is there already gets the new value.

        Raises
        ------
        StorageError
            If the disk refuses; then nothing is written.
        """
        with self._lock, database_errors(self.path), transaction(self._connection):
            self._write_meta(meta)

    def close(self) -> None:
        """Close the file. Closing twice does no harm."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _revert(self, annotator: str, origin: str, *, redo: bool) -> LabelEvent | None:
        with self._lock, database_errors(self.path):
            with transaction(self._connection):
                self._read_new_rows()
                find = self._history.redoable if redo else self._history.undoable
                found = find(annotator)
                if found is None:
                    return None
                reverts, labels, passed_over = found
                entries = self._write(labels, annotator, origin, reverts, shown={})
            return replace(self._accept(entries), passed_over=passed_over)

    def _write(
        self,
        labels: Mapping[str, Label | None],
        annotator: str,
        origin: str,
        reverts: int | None,
        shown: Mapping[str, Shown],
    ) -> list[JournalEntry]:
        now = datetime.now(UTC)
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        action = self._history.last_action + 1
        entries = [
            JournalEntry(seq, now, image_id, label, annotator, origin, action, reverts, shown.get(image_id))
            for seq, (image_id, label) in enumerate(labels.items(), self._history.last_seq + 1)
        ]
        time = now.isoformat(timespec="milliseconds")
        self._connection.executemany(
            _INSERT,
            [
                (entry.seq, time, encode(entry.image_id), entry.label, annotator, origin, action, reverts)
                + ((None, None) if entry.shown is None else (entry.shown.probability, entry.shown.height))
                for entry in entries
            ],
        )
        return entries

    def _accept(self, entries: list[JournalEntry]) -> LabelEvent:
        """Take rows into the derived state, now that they are committed."""
        for entry in entries:
            self._history.add(entry)
        self._view = self._words = self._looked_at = None
        last = entries[-1]
        labels = {entry.image_id: entry.label for entry in entries}
        return LabelEvent(last.seq, last.time, last.action, MappingProxyType(labels))

    def _refresh(self) -> None:
        with database_errors(self.path):
            # Changes exactly when another connection has committed, and costs microseconds.
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
            if version != self._data_version:
                self._read_new_rows()
                self._data_version = version

    def _read_new_rows(self) -> None:
        for entry in self.entries(since=self._history.last_seq):
            self._history.add(entry)
            self._foreign_seq = entry.seq
            self._view = self._words = self._looked_at = None

    def _write_extras(self, extras: Mapping[str, Mapping[str, str]]) -> None:
        if not extras:
            return
        kept = dict(self._connection.execute("SELECT CAST(image_id AS BLOB), columns FROM extras").fetchall())
        merged = {}
        for image_id, columns in extras.items():
            key = encode(image_id)
            merged[key] = json.dumps({**json.loads(kept.get(key, "{}")), **columns})
        self._connection.executemany(
            "INSERT INTO extras VALUES (CAST(? AS TEXT), ?) "
            "ON CONFLICT (image_id) DO UPDATE SET columns = excluded.columns",
            list(merged.items()),
        )

    def _write_meta(self, meta: Mapping[str, str]) -> None:
        self._connection.executemany(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            list(meta.items()),
        )


def _entry(
    seq: int,
    time: str,
    image_id: str,
    label: Label | None,
    annotator: str,
    origin: str,
    action: int,
    reverts: int | None,
    probability: float | None,
    height: float | None,
) -> JournalEntry:
    shown = None if height is None else Shown(probability, height)
    when = datetime.fromisoformat(time)
    return JournalEntry(seq, when, image_id, label, annotator, origin, action, reverts, shown)


def _check(labels: Mapping[str, Label | None]) -> None:
    if not labels:
        raise InputError("There is no image to label. Name at least one.")
    for label in set(labels.values()):
        if label is not None and label not in LABELS:
            raise InputError(f"There is no label {label!r}. Use one of: {', '.join(LABELS)}, or none.")
