"""What is known of the images besides their pixels: columns of tables that were given with them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from anomalymatch_ui import jsontext
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.labels import match_names
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.session.catalogue.metadata_table import MetadataTable, read_metadata
from anomalymatch_ui.sky import nearest_within

METADATA_FILE = "metadata.csv"
"""Name of the session's own copy of a table."""

MATCH_RADIUS = 1.0
"""Seconds of arc between an image and a row of a table at most, where rows are matched by position."""

SEPARATION = "match_separation"
"""Column of how far an image is from its row, in seconds of arc, where rows were matched by position."""

_EXACT_DIGITS = 15  # of a whole number that every float of 64 bits holds

Positions = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Column:
    """One column, by pool index.

    Attributes
    ----------
    name
        As in the table.
    numbers
        float64 ``(len(pool),)``, NaN where there is none; ``None`` if the column holds text.
    texts
        What stands in the table, stripped, empty where there is nothing; one for each image.
    """

    name: str
    numbers: np.ndarray | None
    texts: Sequence[str]

    @classmethod
    def of_texts(cls, name: str, texts: Sequence[str]) -> Column:
        """Take a column as numbers if all of it that is not blank is numbers, else as text.

        So are whole numbers of which a float would lose a digit, as of identifiers: a filter for one of them
        is to find that one.
        """
        texts = [text.strip() for text in texts]
        numbers = np.full(len(texts), np.nan)
        filled = [row for row, text in enumerate(texts) if text]
        try:
            numbers[filled] = [_number(texts[row]) for row in filled]
        except ValueError:
            return cls(name, None, texts)
        if not filled:
            return cls(name, None, texts)
        numbers.flags.writeable = False
        return cls(name, numbers, texts)


class Metadata:
    """The columns of a session, brought into the order of its pool when they are first asked for.

    Parameters
    ----------
    pool
        Of the session.
    extras
        Gives the other columns of imported tables of labels, by image id and column name.
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
        written, fits, units = self._named(source, table, content) or self._placed(
            source, table, positions, radius
        )
        write_bytes_atomically(self._path, written, root=self._path.parent)
        told = {"source": digest, "units": {**table.units, **units}}
        write_bytes_atomically(self._beside, json.dumps(told).encode(), root=self._path.parent)
        self._columns = None
        return f"Metadata from {source.name}: {fits}"

    def _named(
        self, source: Path, table: MetadataTable, content: bytes
    ) -> tuple[bytes, str, dict[str, str]] | None:
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
        left = len(names) - len(matches)
        fits = f"{len(matches):,} of {len(self._pool):,} images"
        fits += f"; {left:,} {'name fits' if left == 1 else 'names fit'} none." if left else "."
        if source.suffix.lower() in (".csv", ".tsv", ".txt", ".dat", ""):
            return content, fits, {}
        return table.written(table.names, range(len(table.names))), fits, {}

    def _placed(
        self,
        source: Path,
        table: MetadataTable,
        positions: Callable[[], Positions | None],
        radius: float,
    ) -> tuple[bytes, str, dict[str, str]]:
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
        ids = [self._pool.ids[row] for row in matched.tolist()]
        taken = rows[matched].tolist()
        columns = {name: tuple(texts[row] for row in taken) for name, texts in table.columns.items()}
        columns[SEPARATION] = tuple(f"{value:.3f}" for value in apart[matched].tolist())
        written = MetadataTable(None, columns).written(ids, range(len(ids)))
        fits = f"{len(matched):,} of {len(self._pool):,} images have a row within {radius:g}″"
        off = len(known) - int(known.sum())
        fits += f"; {off:,} {'row has' if off == 1 else 'rows have'} no position on the sky." if off else "."
        return written, fits, {SEPARATION: "arcsec"}

    def units(self) -> Mapping[str, str]:
        """Return the units of columns of the session's table, of those that have one."""
        units = self._told().get("units")
        return units if isinstance(units, dict) else {}

    @property
    def _beside(self) -> Path:
        return self._path.with_suffix(".json")

    def _told(self) -> dict[str, object]:
        """Return what is known of the copy; nothing if that is missing or damaged, or of a CSV of before."""
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
            table = read_metadata(self._path) if self._path.exists() else None
            self._columns = MappingProxyType(columns_of(self._pool.ids, self._extras(), table))
        return self._columns

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
        Of the pool.
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
        of_image = [rows.get(image_id) for image_id in ids]
        for name, texts in table.columns.items():
            of_pool = ["" if row is None else texts[row] for row in of_image]
            columns[name] = Column.of_texts(name, of_pool)
    return columns


def _number(text: str) -> float:
    if "_" in text:  # Python reads 2024_01 as a number, astronomers do not
        raise ValueError(text)
    number = float(text)
    if len(text) > _EXACT_DIGITS and text.lstrip("+-").isdigit() and int(text) != number:
        raise ValueError(text)
    return number
