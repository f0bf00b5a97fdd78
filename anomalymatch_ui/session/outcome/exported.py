"""The columns beside file name and label that labels are exported with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from anomalymatch_ui.labels import Look
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.session.catalogue.positions import with_positions

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
        Columns of imported tables, by image id.
    pool
        Its columns may name positions.
    ids
        Of the images that are exported.
    looks
        A look at an image whose score was no probability has none.
    marks
        Tags and notes, by column and image id.
    """
    columns = with_positions(extras, pool, ids)
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
