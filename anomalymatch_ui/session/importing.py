"""A table of labels, taken into a session's journal."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from anomalymatch_ui.labels import LABELS, ImportReport, Journal, LabelEvent, LabelTable, match_labels
from anomalymatch_ui.pool import ImagePool

TABLE = "table "
"""What the name of a table as an annotator begins with."""

IMPORT = "import"
"""Origin of the labels that come with a table."""


def import_labels(
    table: LabelTable, pool: ImagePool, journal: Journal
) -> tuple[ImportReport, LabelEvent | None]:
    """Import a table of labels, except of images that somebody has labelled, or unlabelled, by hand.

    A page opened again imports its table again, also one that was edited, or exported from this very
    session: what a person said since is never overridden. Of a table imported before, only what concerns
    images without a history counts, so that it overrides no other table either. The table is an annotator
    of its own, and an undo never takes a whole table back.

    Returns
    -------
    report
        What became of the table's rows.
    event
        What was written; ``None`` if nothing was.

    Raises
    ------
    StorageError
        If the disk refuses; then nothing is written.
    """
    labels, extras, report = match_labels(table, pool.ids)
    view = journal.view()
    by_hand = {entry.image_id for entry in journal.entries() if entry.origin != IMPORT}
    key = f"imported {table.digest}"
    others = journal.touched() if key in journal.meta() else by_hand
    kept = tuple(name for name in labels if name in by_hand and view.get(name) != labels[name])
    if kept:
        counted = Counter(label for name, label in labels.items() if name not in kept)
        report = replace(report, counts={label: counted[label] for label in LABELS}, kept=kept)
    labels = {name: label for name, label in labels.items() if name not in others}
    if not labels:
        if key not in journal.meta():
            journal.keep_extras(extras)
            journal.keep_meta({key: str(table.path)})
        return report, None
    event = journal.append_many(
        labels, f"{TABLE}{table.path.name}", IMPORT, extras=extras, meta={key: str(table.path)}
    )
    return report, event
