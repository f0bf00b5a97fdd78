"""Which images show objects that somebody has catalogued, by position; kept with the session."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import expanded, write_atomically
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.session.catalogue.column import Column as Filterable
from anomalymatch_ui.session.catalogue.known_table import KnownTable, read_known
from anomalymatch_ui.session.catalogue.places import Degrees, Places
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.sky import nearest_within
from anomalymatch_ui.tables import Column
from anomalymatch_ui.wording import counted

if TYPE_CHECKING:
    import pyarrow as pa

RADIUS = 2.0
"""Seconds of arc between an image and a known object at most."""

KNOWN, SEPARATION, SOURCE = "known", "known_separation", "known_in"
"""Columns of a known object's name, how far it is in seconds of arc, and who knows it."""

COLUMNS = (KNOWN, SEPARATION, SOURCE)

_DESCRIPTIONS = {
    KNOWN: "Nearest known object; none where none is that near, or nobody has asked",
    SEPARATION: "How far the known object is from the image's position",
    SOURCE: "Table or service that knows it",
}


@dataclass(frozen=True)
class CrossMatch:
    """What came of one cross-match.

    Attributes
    ----------
    source
        Table or service.
    radius
        Seconds of arc at most.
    asked
        How many images were looked up; those whose position is not known are not among them.
    unplaced
        How many have no position.
    matched
        How many of those looked up have a known object within the radius.
    objects
        How many known objects there were to match with.
    made
        When, in UTC (ISO 8601).
    nearest
        Where nothing matched, the nearest pair: the object, the image, and seconds of arc between them.
    """

    source: str
    radius: float
    asked: int
    unplaced: int
    matched: int
    objects: int
    made: str
    nearest: tuple[str, str, float] | None = None

    def sentence(self) -> str:
        """Return what to tell a person."""
        images = counted(self.asked, "image")
        if self.matched:
            said = f"{self.matched:,} of {images} {'has' if self.matched == 1 else 'have'} a known object of "
            said += f"{self.source} within {self.radius:g}″."
        else:
            said = f"No object of {self.source} lies within {self.radius:g}″ of any of {images}"
            if self.nearest is None:
                said += "."
            else:
                name, image, apart = self.nearest
                said += f": the nearest, {name}, is {_angle(apart)} from {image}. If it should be the same "
                said += "object, widen the radius, or check that both positions are in degrees, ICRS."
        if self.unplaced:
            said += f" The position of {counted(self.unplaced, 'more image')} is not known."
        return said


class KnownObjects:
    """Looks images up among known objects, and keeps what was found.

    Parameters
    ----------
    folder, pool
        The files of the session and its images.
    places
        Where the images are on the sky.
    """

    def __init__(self, folder: SessionFolder, pool: ImagePool, places: Places) -> None:
        self._folder, self._pool, self._places = folder, pool, places
        self._kept: tuple[object, pa.Table] | None = None

    def match(
        self, table: str | Path, ids: Sequence[str], radius: float = RADIUS, *, name: str | None = None
    ) -> CrossMatch:
        """Look images up in a table; to each the nearest object. What the same table said before is replaced.

        Parameters
        ----------
        table
            CSV, ECSV, VOTable, FITS or Parquet, with positions.
        ids
            Ids of the images.
        radius
            Seconds of arc at most.
        name
            Column that names the objects; ``None`` takes the likeliest.

        Raises
        ------
        InputError
            If the table cannot be used, or no image has a position.
        StorageError
            If the disk refuses.
        """
        _check_radius(radius)
        known = read_known(expanded(table), name)
        return self._matched(ids, radius, lambda _: known)

    def look_up(self, service: str, ids: Sequence[str], radius: float = RADIUS) -> CrossMatch:
        """Look images up in an archive over the network; otherwise as :meth:`match`.

        Parameters
        ----------
        service
            ``"simbad"``, ``"ned"``, or ``"vizier:CATALOGUE"`` such as ``"vizier:I/355/gaiadr3"``.
        ids
            Ids of the images, at most 10,000.
        radius
            Seconds of arc at most.

        Raises
        ------
        InputError
            If there is no such service, astroquery is not installed, the service cannot be reached or
            refuses, or no image has a position.
        StorageError
            If the disk refuses.
        """
        from anomalymatch_ui.session.catalogue.services import ask, check_service

        _check_radius(radius)
        check_service(service, len(ids))
        return self._matched(ids, radius, lambda places: ask(service, places, radius))

    def columns(self, ids: Sequence[str]) -> list[Column]:
        """Return the known object of each image, how far it is, and who knows it; none before a match."""
        import pyarrow as pa

        if not self.sources():
            return []
        by_id = self._nearest()
        rows = [by_id.get(image_id, (None, None, None)) for image_id in ids]
        kinds = {KNOWN: pa.string(), SEPARATION: pa.float64(), SOURCE: pa.string()}
        ucds = {KNOWN: "meta.id.assoc", SEPARATION: "pos.angDistance", SOURCE: "meta.bib"}
        return [
            Column(
                column,
                pa.array([row[place] for row in rows], kind),
                "arcsec" if column == SEPARATION else "",
                ucds[column],
                _DESCRIPTIONS[column],
            )
            for place, (column, kind) in enumerate(kinds.items())
        ]

    def filters(self) -> dict[str, Filterable]:
        """Return :meth:`columns` by pool index, to find images by."""
        if not self.sources():
            return {}
        by_id = self._nearest()
        rows = [by_id.get(image_id) for image_id in self._pool.ids]
        return {
            KNOWN: Filterable(KNOWN, None, ["" if row is None else row[0] for row in rows]),
            SEPARATION: Filterable.of_texts(
                SEPARATION, ["" if row is None else f"{row[1]:.3f}" for row in rows]
            ),
            SOURCE: Filterable(SOURCE, None, ["" if row is None else row[2] for row in rows]),
        }

    def sources(self) -> tuple[CrossMatch, ...]:
        """Return the cross-matches that are kept, the latest of each table or service."""
        told = (self._read().schema.metadata or {}).get(b"sources", b"[]")
        return tuple(
            CrossMatch(**{**one, "nearest": one["nearest"] and tuple(one["nearest"])})
            for one in json.loads(told)
        )

    def _matched(
        self, ids: Sequence[str], radius: float, table: Callable[[Degrees], KnownTable]
    ) -> CrossMatch:
        import pyarrow as pa

        ids = [image_id for image_id in ids if image_id in self._pool]
        if not ids:
            raise InputError(
                "There is no image to look up yet. Label some as anomalies, or take the top of the ranking."
            )
        ra, dec = self._places.at(np.array([self._pool.index(image_id) for image_id in ids], np.int64))
        placed = np.isfinite(ra) & np.isfinite(dec)
        if not placed.any():
            raise InputError(
                f"Where the images in {self._pool.path} are on the sky is not known. Give a table with "
                "columns ra and dec in degrees as metadata."
            )
        known = table((ra[placed], dec[placed]))
        rows, apart = nearest_within(ra, dec, known.ra, known.dec, radius)
        matched = np.flatnonzero(rows >= 0).tolist()
        told = CrossMatch(
            known.source,
            radius,
            int(placed.sum()),
            int((~placed).sum()),
            len(matched),
            len(known),
            datetime.now(UTC).isoformat(timespec="seconds"),
            None if matched else _nearest(ids, ra, dec, known),
        )
        self._keep(
            told,
            {
                "source": [known.source] * len(matched),
                "id": [ids[row] for row in matched],
                "name": [known.names[rows[row]] for row in matched],
                "separation": pa.array(apart[matched], pa.float64()),
            },
        )
        return told

    def _keep(self, told: CrossMatch, matches: dict[str, object]) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc
        from pyarrow import parquet

        before = self._read()
        others = before.filter(pc.not_equal(before["source"], told.source))
        sources = [asdict(one) for one in self.sources() if one.source != told.source]
        table = pa.concat_tables([others, pa.table(matches, schema=_schema())]).replace_schema_metadata(
            {"sources": json.dumps([*sources, asdict(told)])}
        )
        write_atomically(
            self._folder.known, lambda path: parquet.write_table(table, path), root=self._folder.path
        )
        self._kept = None

    def _nearest(self) -> dict[str, tuple[str, float, str]]:
        """Return by image id the nearest object that any source knows."""
        table = self._read().sort_by([("separation", "descending")]).to_pydict()
        rows = zip(table["id"], table["name"], table["separation"], table["source"], strict=True)
        return {image_id: (name, apart, source) for image_id, name, apart, source in rows}

    def _read(self) -> pa.Table:
        """Return what is kept; nothing if it is damaged, which is a notice, for it can be made again."""
        import pyarrow as pa
        from pyarrow import parquet

        path = self._folder.known
        try:
            there = path.stat()
        except OSError:
            return _schema().empty_table()
        stamp = there.st_mtime_ns, there.st_size, there.st_ino
        if self._kept is None or self._kept[0] != stamp:
            try:
                table = parquet.read_table(path).select(_schema().names)
                json.loads((table.schema.metadata or {})[b"sources"])
            except (OSError, pa.ArrowException, KeyError, ValueError) as error:
                self._folder.set_aside(path)
                self._folder.notices.append(
                    f"The cross-matches in {path.name} cannot be read ({error}). They are set aside; run "
                    "`anomalymatch crossmatch` again."
                )
                table = _schema().empty_table()
            self._kept = stamp, table
        return self._kept[1]


def _schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [("source", pa.string()), ("id", pa.string()), ("name", pa.string()), ("separation", pa.float64())]
    )


def _check_radius(radius: float) -> None:
    if not 0 < radius < math.inf:
        raise InputError(f"The radius is in seconds of arc and above 0, not {radius!r}.")


def _nearest(
    ids: Sequence[str], ra: np.ndarray, dec: np.ndarray, known: KnownTable
) -> tuple[str, str, float] | None:
    """Return the object and the image that lie nearest to one another, and seconds of arc between them."""
    rows, apart = nearest_within(ra, dec, known.ra, known.dec, math.inf)
    if not np.isfinite(apart).any():
        return None
    image = int(np.nanargmin(apart))
    return known.names[rows[image]], ids[image], float(apart[image])


def _angle(arcseconds: float) -> str:
    """Return an angle in the largest unit of which it is at least two, such as "20′"."""
    for unit, size in (("°", 3600), ("′", 60)):
        if arcseconds >= 2 * size:
            return f"{arcseconds / size:.3g}{unit}"
    return f"{arcseconds:.3g}″"
