"""What is known of the images besides their pixels: columns of tables that were given with them."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from anomalymatch_ui import jsontext
from anomalymatch_ui.errors import InputError, StorageError
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.labels import match_names
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.session.catalogue.column import Column, Texts, taken
from anomalymatch_ui.session.catalogue.column_cache import read_columns, write_columns
from anomalymatch_ui.session.catalogue.metadata_table import MetadataTable, Told, read_metadata
from anomalymatch_ui.sky import nearest_within

METADATA_FILE = "metadata.csv"
"""Name of the session's own copy of a table."""

MATCH_RADIUS = 1.0
"""Seconds of arc between an image and a row of a table at most, where rows are matched by position."""

SEPARATION = "match_separation"
"""Column of how far an image is from its row, in seconds of arc, where rows were matched by position."""

logger = logging.getLogger(__name__)

Positions = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class _Copy:
    """A table as the session keeps it, and what to say of it."""

    table: MetadataTable
    content: bytes
    fits: str

    @property
    def descriptions(self) -> dict[str, str]:
        return {name: its.description for name, its in self.table.told.items() if its.description}

    @property
    def ucds(self) -> dict[str, str]:
        return {name: its.ucd for name, its in self.table.told.items() if its.ucd}


class Metadata:
    """The columns of a session, brought into the order of its pool when they are first asked for.

    Parameters
    ----------
    pool
        The images of the session.
    extras
        Returns the other columns of imported tables of labels, by image id and column name.
    path
        The session's own copy of a table of metadata, which is there when it is opened again.
    """

    def __init__(
        self, pool: ImagePool, extras: Callable[[], Mapping[str, Mapping[str, str]]], path: Path
    ) -> None:
        self._pool = pool
        self._extras = extras
        self._path = path
        self._columns: Mapping[str, Column] | None = None

    def keep(
        self,
        source: Path,
        positions: Callable[[], Positions | None] = lambda: None,
        radius: float = MATCH_RADIUS,
    ) -> str | None:
        """Copy a table into the session; one that was there before is replaced.

        Its rows are matched with images by their names, as those of a table of labels are, or where it has
        none that fit, by position: to each image the nearest row.

        Parameters
        ----------
        source
            The table; see :func:`~anomalymatch_ui.session.catalogue.metadata_table.read_metadata`.
        positions
            Returns where the images are, in degrees, NaN where that is not known.
        radius
            Seconds of arc between an image and its row at most.

        Returns
        -------
        str or None
            A sentence about what fits; ``None`` if this very table has been kept so before.

        Raises
        ------
        InputError
            If it cannot be used, or fits no image.
        StorageError
            If the disk refuses.
        """
        if not 0 < radius < math.inf:
            raise InputError(f"The radius of a match is in seconds of arc and above 0, not {radius!r}.")
        table = read_metadata(source)
        content = source.read_bytes()
        digest = hashlib.sha256(f"{radius!r} {self._pool.digest}".encode() + content).hexdigest()
        if self._path.exists() and self._told().get("source") == digest:
            return None
        copy = self._named(source, table, content) or self._placed(source, table, positions, radius)
        write_bytes_atomically(self._path, copy.content, root=self._path.parent)
        told = {
            "source": digest,
            "units": dict(copy.table.units),
            "descriptions": copy.descriptions,
            "ucds": copy.ucds,
        }
        write_bytes_atomically(self._beside, json.dumps(told).encode(), root=self._path.parent)
        self._columns = None
        self._keep_columns(copy.table)
        return f"Metadata from {source.name}: {copy.fits}"

    def _named(self, source: Path, table: MetadataTable, content: bytes) -> _Copy | None:
        """Return the session's copy of a table that names images, and what fits; ``None`` if nothing does."""
        if table.names is None:
            return None
        names = list(dict.fromkeys(table.names))
        matches, *_ = match_names(names, list(self._pool.ids))
        if not matches:
            if table.positions() is not None:
                return None
            raise InputError(
                f"No row of {source} fits an image of {self._pool.path}: it names {names[0]!r}, and the "
                f"images are called as {self._pool.ids[0]!r}. Check the names."
            )
        left, again = len(names) - len(matches), len(table.names) - len(names)
        fits = f"{len(matches):,} of {len(self._pool):,} images"
        if left:
            fits += f"; {left:,} {'name fits' if left == 1 else 'names fit'} none"
        if again:
            fits += f"; {_rows(again)} an image that an earlier row names, the later counts"
        table, renamed = table.free_of_names()
        fits += f".{renamed}"
        if not renamed and source.suffix.lower() in (".csv", ".tsv", ".txt", ".dat", ""):
            return _Copy(table, content, fits)
        return _Copy(table, table.written(), fits)

    def _placed(
        self,
        source: Path,
        table: MetadataTable,
        positions: Callable[[], Positions | None],
        radius: float,
    ) -> _Copy:
        """Return the session's copy of a table that is matched by position, and what fits."""
        theirs, ours = table.positions(), positions()
        assert theirs is not None  # else it would have names
        if ours is None:
            raise InputError(
                f"{source} names no images that are here, and where the images in {self._pool.path} are on "
                "the sky is not known. Give a table with a column filename or id."
            )
        known = np.isfinite(theirs[0])
        rows, apart = nearest_within(*ours, *theirs, radius)
        matched = np.flatnonzero(rows >= 0)
        if len(matched) == 0:
            _, nearest = nearest_within(*ours, *theirs, math.inf)
            near = "no position is known"
            if np.isfinite(nearest).any():
                near = f"the nearest is {np.nanmin(nearest):.4g}″ away"
            raise InputError(
                f"No row of {source} lies within {radius:g}″ of an image of {self._pool.path}: {near}. "
                "Widen the radius (--match-radius), or check that both are in degrees, ICRS."
            )
        fits = f"{len(matched):,} of {len(self._pool):,} images have a row within {radius:g}″"
        others = theirs[0].copy()
        others[rows[matched]] = np.nan
        again, _ = nearest_within(ours[0][matched], ours[1][matched], others, theirs[1], radius)
        if several := int((again >= 0).sum()):
            fits += f"; {several:,} of them {'has' if several == 1 else 'have'} several, the nearest counts"
        off = len(known) - int(known.sum())
        if off:
            fits += f"; {off:,} {'row has' if off == 1 else 'rows have'} no position on the sky"
        table, renamed = table.with_its_names().free_of_names()
        separation = Told("arcsec", "How far the row's position is from the image's", "pos.angDistance")
        texts = Texts.of([f"{value:.3f}" for value in apart[matched].tolist()])
        ids = [self._pool.ids[row] for row in matched.tolist()]
        table = table.of_rows(rows[matched], ids).with_column(SEPARATION, texts, separation)
        return _Copy(table, table.written(), f"{fits}.{renamed}")

    def units(self) -> Mapping[str, str]:
        """Return the units of columns of the session's table, of those that have one."""
        return self._of_columns("units")

    def descriptions(self) -> Mapping[str, str]:
        """Return what the session's table says that its columns are, of those of which it says so."""
        return self._of_columns("descriptions")

    def ucds(self) -> Mapping[str, str]:
        """Return the UCDs of columns of the session's table, of those that have one."""
        return self._of_columns("ucds")

    def _of_columns(self, what: str) -> Mapping[str, str]:
        said = self._told().get(what)
        return said if isinstance(said, dict) else {}

    @property
    def _beside(self) -> Path:
        return self._path.with_suffix(".json")

    def _told(self) -> dict[str, object]:
        """Return what is known of the copy; nothing if that is missing or damaged, or of an earlier CSV."""
        try:
            told = jsontext.parsed(self._beside.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return told if isinstance(told, dict) else {}

    def columns(self) -> Mapping[str, Column]:
        """Return the columns by name.

        Raises
        ------
        InputError
            If the session's copy of the table is damaged.
        """
        if self._columns is None:
            own = columns_of(self._pool.ids, self._extras(), None)
            self._columns = MappingProxyType({**own, **self._of_table()})
        return self._columns

    def names_in_table(self) -> list[str]:
        """Return the names of the columns of the session's table. Raises as :meth:`columns`.

        Labels that come after the table have columns, too; so nothing is kept of this.
        """
        return list(self._of_table())

    def _of_table(self) -> dict[str, Column]:
        """Return the columns of the session's table, as they are kept in the pool's order, or made anew."""
        if not self._path.exists():
            return {}
        kept = read_columns(self._kept, self._stamp(), len(self._pool))
        if kept is None:
            self._keep_columns(read_metadata(self._path))
            kept = read_columns(self._kept, self._stamp(), len(self._pool))
        return columns_of(self._pool.ids, {}, read_metadata(self._path)) if kept is None else kept

    def _keep_columns(self, table: MetadataTable) -> None:
        """Keep the columns in the pool's order, unless the disk refuses: they can be made again."""
        try:
            write_columns(self._kept, columns_of(self._pool.ids, {}, table), self._stamp())
        except StorageError as error:
            logger.warning("The columns are read from their table each time: %s", error)

    @property
    def _kept(self) -> Path:
        return self._path.with_suffix(".parquet")

    def _stamp(self) -> str:
        """Return what tells the session's table, and the pool, from others."""
        there = self._path.stat()
        return f"{there.st_size} {there.st_mtime_ns} {self._pool.digest}"

    def column(self, name: str) -> Column:
        """Return one column.

        Raises
        ------
        InputError
            If there is none of that name.
        """
        columns = self.columns()
        if name not in columns:
            known = f"Choose one of: {', '.join(columns)}." if columns else "There are no columns at all."
            raise InputError(f"There is no column {name!r}. {known}")
        return columns[name]


def columns_of(
    ids: Sequence[str], extras: Mapping[str, Mapping[str, str]], table: MetadataTable | None
) -> dict[str, Column]:
    """Bring the columns of imported labels and of a table of metadata into the order of a pool.

    Parameters
    ----------
    ids
        Ids of the images of the pool.
    extras
        Other columns of imported tables of labels, by image id and column name.
    table
        Its rows are matched with images as those of a table of labels are. Of two rows on one image the
        later counts, and of two columns of one name this table's.
    """
    columns: dict[str, Column] = {}
    for name in dict.fromkeys(name for row in extras.values() for name in row):
        columns[name] = Column.of_texts(name, [extras.get(image_id, {}).get(name, "") for image_id in ids])
    if table is not None and table.names is not None:
        matches, *_ = match_names(list(dict.fromkeys(table.names)), list(ids))
        rows = {matches[name]: row for row, name in enumerate(table.names) if name in matches}
        of_image = np.array([rows.get(image_id, -1) for image_id in ids], np.int64)
        for name, texts in table.columns.items():
            of_pool = texts.take(of_image) if isinstance(texts, Texts) else taken(texts, of_image)
            columns[name] = Column.of_texts(name, of_pool)
    return columns


def _rows(count: int) -> str:
    return "1 row names" if count == 1 else f"{count:,} rows name"
