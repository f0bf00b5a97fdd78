"""What is known of the images besides their pixels: columns of tables that were given with them."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.labels import match_names
from anomalymatch_ui.pool import ImagePool

if TYPE_CHECKING:
    import pandas as pd

METADATA_FILE = "metadata.csv"
"""Name of the session's own copy of a table."""

ID_COLUMNS = ("filename", "id")
"""Columns that may name the images, in any case; the first that is there counts."""

_NAMELESS = "Unnamed: "  # what pandas calls a column without a name, such as a written index
_SEPARATORS = (",", ";", "\t")


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
        """Take a column as numbers if all of it that is not blank is numbers, else as text."""
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


@dataclass(frozen=True)
class MetadataTable:
    """A table of metadata as it stands in its file.

    Attributes
    ----------
    names
        File name of each row.
    columns
        The other columns, one text for each row.
    """

    names: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]


def read_metadata_csv(path: Path) -> MetadataTable:
    """Read a table with a column ``filename`` or ``id``, and any others.

    Raises
    ------
    InputError
        If the file is missing, is no text, cannot be parsed or does not name the images.
    """
    frame = _read(Path(path))
    frame = frame.loc[:, [not str(name).startswith(_NAMELESS) for name in frame.columns]]
    lowered = [str(name).strip().lower() for name in frame.columns]
    key = next((lowered.index(name) for name in ID_COLUMNS if name in lowered), None)
    if key is None:
        found = ", ".join(map(str, frame.columns))[:200]
        raise InputError(
            f"{path} does not name the images: it needs a column filename or id, but has: {found}."
        )
    columns = {
        str(name).strip(): tuple(frame.iloc[:, at])
        for at, name in enumerate(frame.columns)
        if at != key and lowered[at] != "label"  # labels are imported as such, and change afterwards
    }
    return MetadataTable(tuple(frame.iloc[:, key]), columns)


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

    def keep(self, source: Path) -> str:
        """Copy a table into the session; one that was there before is replaced.

        Returns
        -------
        str
            A sentence about what fits.

        Raises
        ------
        InputError
            If it cannot be used, see :func:`read_metadata_csv`, or fits no image.
        StorageError
            If the disk refuses.
        """
        table = read_metadata_csv(source)
        names = set(table.names)
        matches, *_ = match_names(list(names), list(self._pool.ids))
        if not matches:
            raise InputError(f"No row of {source} fits an image of {self._pool.path}. Check the file names.")
        write_bytes_atomically(self._path, source.read_bytes(), root=self._path.parent)
        self._columns = None
        fits = f"Metadata from {source.name}: {len(matches):,} of {len(self._pool):,} images"
        left = len(names) - len(matches)
        return f"{fits}; {left:,} {'name fits' if left == 1 else 'names fit'} none." if left else f"{fits}."

    def columns(self) -> Mapping[str, Column]:
        """Return the columns by name.

        Raises
        ------
        InputError
            If the session's copy of the table is damaged.
        """
        if self._columns is None:
            table = read_metadata_csv(self._path) if self._path.exists() else None
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
    if table is not None:
        matches, *_ = match_names(list(dict.fromkeys(table.names)), list(ids))
        rows = {matches[name]: row for row, name in enumerate(table.names) if name in matches}
        of_image = [rows.get(image_id) for image_id in ids]
        for name, texts in table.columns.items():
            of_pool = ["" if row is None else texts[row] for row in of_image]
            columns[name] = Column.of_texts(name, of_pool)
    return columns


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"There is no table of metadata {path}. Check the path.") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"Cannot read {path}: {reason}. Give a CSV file.") from error
    if b"\0" in content or not content.strip():
        raise InputError(f"{path} is empty or no text. Give a CSV file with a column filename or id.")
    try:
        with warnings.catch_warnings():
            # Rows longer than the header would lose their ends with no more than a warning.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                io.BytesIO(content),
                sep=_separator(content),
                dtype=object,  # strings of Arrow cannot hold what is not UTF-8
                keep_default_na=False,
                index_col=False,
                encoding="utf-8-sig",
                # File names need not be UTF-8; their other bytes travel as Python carries them everywhere.
                encoding_errors="surrogateescape",
            )
    except (ValueError, pd.errors.ParserWarning) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} cannot be read as a table: {reason}. Correct it.") from error


def _number(text: str) -> float:
    if "_" in text:  # Python reads 2024_01 as a number, astronomers do not
        raise ValueError(text)
    return float(text)


def _separator(content: bytes) -> str:
    """Return the first separator with which the header names the images, else the comma."""
    first = content.lstrip().partition(b"\n")[0].decode("utf-8-sig", "replace")
    for separator in _SEPARATORS:
        names = [name.strip().lower() for name in next(csv.reader([first], delimiter=separator), [])]
        if set(names) & set(ID_COLUMNS):
            return separator
    return _SEPARATORS[0]
