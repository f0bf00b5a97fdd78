"""A table of labels, taken into a session's journal."""

from __future__ import annotations

import hashlib

from anomalymatch_ui.labels import ImportReport, Journal, LabelEvent, LabelTable, match_labels
from anomalymatch_ui.pool import ImagePool

TABLE = "table "
"""What the name of a table as an annotator begins with."""


def import_labels(
    table: LabelTable, pool: ImagePool, journal: Journal
) -> tuple[ImportReport, LabelEvent | None]:
    """Import a table of labels; of one imported before only what concerns images without a history.

    So a table given again does not override what was labelled since, and images that have come to the
    pool meanwhile get their labels all the same. The table counts as an annotator of its own, so that
    an undo never takes a whole table back.

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
    key = f"imported {hashlib.sha256(table.path.read_bytes()).hexdigest()}"
    if key in journal.meta():
        touched = journal.touched()
        labels = {name: label for name, label in labels.items() if name not in touched}
    if not labels:
        return report, None
    event = journal.append_many(
        labels, f"{TABLE}{table.path.name}", "import", extras=extras, meta={key: str(table.path)}
    )
    return report, event
