"""What people say of images beside their labels, as columns of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from anomalymatch_ui.labels import Journal
from anomalymatch_ui.session.labelling.marking import mark_texts
from anomalymatch_ui.tables import Column

if TYPE_CHECKING:
    import pyarrow as pa

_DESCRIPTIONS = {
    "tags": "Tags that somebody gave the image",
    "note": "What somebody wrote about the image",
    "favourite": "Whether somebody made it a favourite",
    "interest": "How interesting somebody finds it, 0 to 5",
}


def mark_columns(journal: Journal, ids: Sequence[str]) -> list[Column]:
    """Return columns of tags (text), notes (text), favourites (boolean) and interest (int64).

    A column that is of no image of the session is left out.

    Parameters
    ----------
    journal
        The labels of the session.
    ids
        The images, a row each.
    """
    return [
        Column(name, _values(name, texts, ids), description=_DESCRIPTIONS[name])
        for name, texts in mark_texts(journal).items()
    ]


def _values(name: str, texts: Mapping[str, str], ids: Sequence[str]) -> pa.Array:
    import pyarrow as pa

    if name == "favourite":
        return pa.array([image in texts for image in ids], pa.bool_())
    if name == "interest":
        return pa.array([int(texts[image]) if image in texts else None for image in ids], pa.int64())
    return pa.array([texts.get(image) for image in ids], pa.string())
