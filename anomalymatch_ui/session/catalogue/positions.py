"""Where labelled images are on the sky, for the table of labels that is exported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from anomalymatch_ui.pool import ImagePool


def with_positions(
    extras: Mapping[str, Mapping[str, str]], pool: ImagePool, ids: Iterable[str]
) -> dict[str, Mapping[str, str]]:
    """Return the columns of images with their positions in front, where the pool knows them.

    Parameters
    ----------
    extras
        Columns by image id. A position that stands there already is not written twice.
    pool
        Its columns may name positions.
    ids
        Ids of the images that are exported; those that are no longer in the pool have no position.
    """
    completed = dict(extras)
    names = pool.columns.positions
    if names is None:
        return completed
    there = [image_id for image_id in ids if image_id in pool]
    rows = [pool.index(image_id) for image_id in there]
    columns = {name: pool.columns[name].take(rows).to_pylist() for name in names}
    for place, image_id in enumerate(there):
        known = extras.get(image_id, {})
        named = {name.casefold() for name in known}
        position = {
            name: "" if values[place] is None else str(values[place])
            for name, values in columns.items()
            if name.casefold() not in named
        }
        completed[image_id] = {**position, **known}
    return completed
