"""Looking the images of a result up among known objects."""

from __future__ import annotations

from pathlib import Path

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.session.catalogue.known import CrossMatch, KnownObjects
from anomalymatch_ui.session.outcome.results import Results, What


def crossmatch(
    results: Results,
    known: KnownObjects,
    table: str | Path | None,
    radius: float,
    *,
    service: str | None = None,
    what: What = "found",
    top: int | None = None,
    name: str | None = None,
) -> CrossMatch:
    """Look images up among known objects, of a table or of an archive; the results then have them.

    Parameters
    ----------
    results, known
        The tables of the session, and what it knows of its images already.
    table
        File with positions and names of known objects; see
        :meth:`~anomalymatch_ui.session.catalogue.known.KnownObjects.match`.
    radius
        Largest separation of an image and a known object, in seconds of arc.
    service
        An archive instead, asked over the network: ``"simbad"``, ``"ned"``, ``"vizier:CATALOGUE"``.
    what, top
        Which images: those of this table of the results, or the first ``top`` of them.
    name
        Column of the table that names the objects; ``None`` takes the likeliest.

    Raises
    ------
    InputError
        If not one of table and service is given, it cannot be used, or no image has a position.
    StorageError
        If the disk refuses.
    """
    if (table is None) == (service is None):
        raise InputError("Give either a table of known objects or a service, such as simbad.")
    ids = results.images(what, top)
    if service is not None:
        return known.look_up(service, ids, radius)
    assert table is not None
    return known.match(table, ids, radius, name=name)
