"""A table of labels, taken into a session's journal."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from anomalymatch_ui import jsontext
from anomalymatch_ui.labels import (
    IMPORT,
    LABELS,
    ImportReport,
    Journal,
    JournalEntry,
    Label,
    LabelEvent,
    LabelTable,
    match_labels,
    read_labels,
)
from anomalymatch_ui.labels.peer import LABELS_FILE as PEER_LABELS
from anomalymatch_ui.pool import ImagePool

TABLE = "table "
"""What the name of a table as an annotator begins with."""


def read_table(path: Path, classes: str | Mapping[str, str] | None, journal: Path) -> LabelTable:
    """Read a table of labels; what its classes stand for is asked for once, and kept in the journal.

    Parameters
    ----------
    path
        The table; see :func:`~anomalymatch_ui.labels.read_labels`.
    classes
        What its classes stand for; ``None`` takes what was said when it was imported last.
    journal
        The file of the session's journal, if it is there yet.

    Raises
    ------
    InputError
        If the table or the classes cannot be used.
    StorageError
        If the journal cannot be read.
    """
    if classes is None and os.path.exists(journal):
        with Journal(journal) as kept:
            classes = kept.meta().get(_classes_key(path))
    return read_labels(path, classes)


def import_labels(
    table: LabelTable, pool: ImagePool, journal: Journal
) -> tuple[ImportReport, LabelEvent | None]:
    """Import a table of labels, except of images that somebody has labelled, or unlabelled, by hand.

    A page opened again imports its table again, also one that was edited, or exported from this very
    session: what a person said since is never overridden. Where the file is what it was when it was last
    imported, only what concerns images without a history counts, so that it overrides no other table
    either. Where it has changed, its labels count anew, and what only its last version said is withdrawn;
    a file that fits no image at all withdraws nothing. The table is an annotator of its own, and an undo
    never takes a whole table back.

    Returns
    -------
    report
        What became of the table's rows, as the labels stand now.
    event
        What was written; ``None`` if nothing was.

    Raises
    ------
    StorageError
        If the disk refuses; then nothing is written.
    """
    labels, extras, report = match_labels(table, pool.ids)
    latest = {entry.image_id: entry for entry in journal.entries()}
    by_hand = {entry.image_id for entry in journal.entries() if entry.origin != IMPORT}
    former = _Former.of(table, journal.meta())
    unchanged = former.digest == table.digest
    others = journal.touched() if unchanged else by_hand
    wanted: dict[str, Label | None] = {name: label for name, label in labels.items() if name not in others}
    withdrawn: tuple[str, ...] = ()
    if labels and not unchanged:
        withdrawn = tuple(sorted(former.sole_labels(latest) - by_hand - labels.keys()))
        wanted.update(dict.fromkeys(withdrawn))
    event = _write(table, wanted, extras, former, journal)
    view = journal.view()
    kept = tuple(name for name, label in labels.items() if view.get(name) != label)
    counted = Counter(label for name, label in labels.items() if view.get(name) == label)
    counts = {label: counted[label] for label in LABELS}
    return replace(report, counts=counts, kept=kept, withdrawn=withdrawn), event


@dataclass(frozen=True)
class _Former:
    """What was imported from a table's file before.

    Attributes
    ----------
    digest
        Digest of the version imported last; empty if there was none.
    actions
        Numbers of the journal's events that brought labels from it.
    """

    digest: str = ""
    actions: tuple[int, ...] = ()

    @classmethod
    def of(cls, table: LabelTable, meta: Mapping[str, str]) -> _Former:
        try:
            kept = jsontext.parsed(meta[_key(table)])
            return cls(str(kept["digest"]), tuple(int(number) for number in kept["actions"]))
        except (KeyError, TypeError, ValueError):
            # A session of version 0.1 kept the digest alone, and a copy elsewhere is no other table.
            return cls(table.digest if _digest_key(table) in meta else "")

    def sole_labels(self, latest: Mapping[str, JournalEntry]) -> set[str]:
        """Return the images whose present label comes from this file and from nothing since."""
        actions = set(self.actions)
        return {name for name, entry in latest.items() if entry.action in actions and entry.label is not None}


def _write(
    table: LabelTable,
    labels: Mapping[str, Label | None],
    extras: Mapping[str, Mapping[str, str]],
    former: _Former,
    journal: Journal,
) -> LabelEvent | None:
    event = None
    if labels:
        event = journal.append_many(labels, f"{TABLE}{table.path.name}", IMPORT, extras=extras)
    elif former.digest != table.digest:
        journal.keep_extras(extras)
    if event is not None or former.digest != table.digest:
        actions = [*former.actions, *([event.action] if event else [])]
        record = json.dumps({"digest": table.digest, "actions": actions})
        # After the labels: if this process ends between the two, the table is imported once more.
        journal.keep_meta({_key(table): record, _digest_key(table): str(table.path)})
    if table.classes is not None:
        journal.keep_meta({_classes_key(table.path): table.classes.text()})
    return event


def _key(table: LabelTable) -> str:
    # A pipe has a name, too, but the next table may come through a pipe of the same name.
    return f"table {table.path.absolute() if table.path.is_file() else table.digest}"


def _classes_key(path: Path) -> str:
    # A session of AnomalyMatch is given as its folder.
    return f"classes {(path / PEER_LABELS if path.is_dir() else path).absolute()}"


def _digest_key(table: LabelTable) -> str:
    return f"imported {table.digest}"
