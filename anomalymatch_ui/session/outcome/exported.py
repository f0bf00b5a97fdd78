"""The columns beside file name and label that labels are exported with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from anomalymatch_ui.labels import Journal, Look, write_labels_csv
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.session.catalogue.positions import with_positions
from anomalymatch_ui.session.labelling.marking import mark_texts

PROBABILITY = "probability"
"""Column of what the card said when the image was looked at, before its label was known."""


def exported_columns(
    extras: Mapping[str, Mapping[str, str]],
    pool: ImagePool,
    ids: Iterable[str],
    looks: Iterable[Look],
    marks: Mapping[str, Mapping[str, str]],
) -> dict[str, Mapping[str, str]]:
    """Return positions where the pool knows them, the columns of imported tables, probabilities and marks.

    Parameters
    ----------
    extras
        Columns of imported tables, by image id; ``interest`` becomes ``interest_given`` beside our own.
    pool
        Its columns may name positions.
    ids
        Ids of the images that are exported.
    looks
        A look at an image whose score was no probability has none.
    marks
        Tags, notes, favourites and interest, by column and image id.
    """
    given = {
        image_id: {f"{name}_given" if name in marks else name: text for name, text in its.items()}
        for image_id, its in extras.items()
    }
    columns = with_positions(given, pool, ids)
    for look in looks:
        if look.shown.probability is not None:
            columns[look.image_id] = {
                **columns.get(look.image_id, {}),
                PROBABILITY: f"{look.shown.probability:.4g}",
            }
    for column, texts in marks.items():
        for image_id, text in texts.items():
            columns[image_id] = {**columns.get(image_id, {}), column: text}
    return columns


def export_labels(path: Path, pool: ImagePool, journal: Journal) -> int:
    """Write the labels as a CSV file, ``filename,label`` and other columns.

    The others are positions, the columns of imported tables, and the probability that the order had shown
    for an image when it was looked at.

    Parameters
    ----------
    path
        The CSV file to write.
    pool
        The images, whose columns may hold positions.
    journal
        The labels, and what was imported with them.

    Returns
    -------
    int
        How many labels were written.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    view = journal.view()
    columns = exported_columns(journal.extras(), pool, view, journal.looks(), mark_texts(journal))
    write_labels_csv(path, view, columns)
    return len(view)
