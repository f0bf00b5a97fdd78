"""A table about images, of any format, with every value as the text it is written as."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import position_names
from anomalymatch_ui.session.catalogue.column import Texts, taken

if TYPE_CHECKING:
    import pandas as pd

ID_COLUMNS = ("filename", "id")
"""Columns that may name the images, in any case; the first that is there counts."""

_NAMELESS = "Unnamed: "  # what pandas calls a column without a name, such as a written index
_DEGREES = ("", "deg", "degree", "degrees")
_SEPARATORS = (",", ";", "\t")
_COLUMNAR = (".ecsv", ".parquet", ".fits", ".fit", ".fits.gz", ".vot", ".votable", ".xml")


@dataclass(frozen=True, slots=True)
class Told:
    """What a table tells of a column, each empty where it does not.

    Attributes
    ----------
    unit
        As the table writes it.
    description
        What it is, in a phrase.
    ucd
        What it is, in the words of the IVOA's UCD1+ list.
    """

    unit: str = ""
    description: str = ""
    ucd: str = ""


@dataclass(frozen=True)
class MetadataTable:
    """A table of metadata as it stands in its file.

    Attributes
    ----------
    names
        File name of each row; ``None`` where no column names the images.
    columns
        The other columns, one text for each row.
    told
        Unit, description and UCD of those that have one.
    key
        The column that names the images; empty without one.
    """

    names: Sequence[str] | None
    columns: Mapping[str, Sequence[str]]
    told: Mapping[str, Told] = field(default_factory=dict)
    key: str = ""

    @property
    def units(self) -> Mapping[str, str]:
        """Units of the columns that have one."""
        return {name: its.unit for name, its in self.told.items() if its.unit}

    def positions(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return right ascension and declination of the rows in degrees; ``None`` if no columns hold them.

        Returns
        -------
        ra, dec
            float64 ``(rows,)``; NaN where there is none, or none on the sky.
        """
        found = position_names(list(self.columns))
        if found is None:
            return None
        ra, dec = (np.array([_degrees(text) for text in self.columns[name]], np.float64) for name in found)
        off = ~((np.abs(ra) <= 360) & (np.abs(dec) <= 90))
        ra[off] = dec[off] = np.nan
        return ra, dec

    def with_its_names(self) -> MetadataTable:
        """Return the table with the names that it has as a column like the others, and none of images."""
        if self.names is None:
            return self
        return MetadataTable(None, {self.key: self.names, **self.columns}, self.told)

    def free_of_names(self) -> tuple[MetadataTable, str]:
        """Return the table without a second column that would be taken for names, and a sentence on that.

        The session's copy has a column ``id``; another one of that name, such as a catalogue's identifier
        beside ``filename``, becomes ``id_given``.
        """
        names = {}
        for name in self.columns:
            names[name] = name
            if name.lower() in ID_COLUMNS:
                names[name] = next(
                    free
                    for free in (f"{name}_given{number}" for number in ("", *range(2, 100)))
                    if free not in self.columns
                )
        columns = {names[name]: texts for name, texts in self.columns.items()}
        told = {names.get(name, name): its for name, its in self.told.items()}
        renamed = [f"{old!r} is called {new!r}" for old, new in names.items() if old != new]
        said = f" Its column {', '.join(renamed)}, for the images have names of their own." if renamed else ""
        return MetadataTable(self.names, columns, told, self.key), said

    def of_rows(self, rows: np.ndarray, names: Sequence[str]) -> MetadataTable:
        """Return some rows, under names."""
        columns: dict[str, Sequence[str]] = {}
        for name, texts in self.columns.items():
            columns[name] = texts.take(rows) if isinstance(texts, Texts) else taken(texts, rows)
        return MetadataTable(names, columns, self.told, "id")

    def with_column(self, name: str, texts: Sequence[str], told: Told) -> MetadataTable:
        """Return the table with one more column."""
        return MetadataTable(self.names, {**self.columns, name: texts}, {**self.told, name: told}, self.key)

    def written(self) -> bytes:
        """Return the table as a CSV file by which :func:`read_metadata` finds its rows again."""
        assert self.names is not None
        columns = {"id": Texts.of(self.names), **self.columns}
        arrays = [texts.values for texts in columns.values() if isinstance(texts, Texts)]
        if len(arrays) == len(columns):
            import pyarrow as pa
            from pyarrow import csv as arrow_csv

            sink = pa.BufferOutputStream()
            options = arrow_csv.WriteOptions(quoting_style="needed")
            arrow_csv.write_csv(pa.table(arrays, names=list(columns)), sink, options)
            content: bytes = sink.getvalue().to_pybytes()
            return content
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
        return text.getvalue().encode("utf-8", "surrogateescape")


def read_metadata(path: Path) -> MetadataTable:
    """Read a table: CSV, ECSV, VOTable, FITS or Parquet, told by its name.

    It names the images by a column ``filename`` or ``id``, or has positions in degrees, or both. No digit of
    an identifier is lost. Cells of several values are left out.

    Raises
    ------
    InputError
        If the file is missing, cannot be read as a table, or has neither names nor positions.
    """
    path = Path(path)
    if path.name.lower().endswith(_COLUMNAR):
        columns, told = _typed(path)
    else:
        columns, told = _of_frame(_read(path)), {}
    lowered = {name.lower(): name for name in reversed(columns)}
    key = next((lowered[name] for name in ID_COLUMNS if name in lowered), None)
    others = {
        name: texts
        for name, texts in columns.items()
        if name != key and name.lower() != "label"  # labels are imported as such, and change afterwards
    }
    if key is None and position_names(list(others)) is None:
        raise InputError(
            f"{path} does not name the images: it needs a column filename or id, or ra and dec in degrees, "
            f"but has: {', '.join(columns)[:200]}."
        )
    others, told = _in_degrees(path, others, told)
    return MetadataTable(None if key is None else columns[key], others, told, key or "")


def _in_degrees(
    path: Path, columns: dict[str, Sequence[str]], told: dict[str, Told]
) -> tuple[dict[str, Sequence[str]], dict[str, Told]]:
    """Return the columns with positions of another unit in degrees."""
    for name in position_names(list(columns)) or ():
        unit = told.get(name, Told()).unit
        if unit.lower() in _DEGREES:
            continue
        from astropy import units as astropy_units

        try:
            factor = float(astropy_units.Unit(unit).to(astropy_units.deg))
        except (ValueError, TypeError) as error:
            raise InputError(
                f"The column {name} of {path} has the unit {unit!r}, which is not an angle. Write positions "
                "in degrees."
            ) from error
        values = (_degrees(text) * factor for text in columns[name])
        columns = columns | {name: tuple("" if np.isnan(value) else repr(float(value)) for value in values)}
        told = {**told, name: replace(told[name], unit="deg")}
    return columns, told


def _degrees(text: str) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def _typed(path: Path) -> tuple[dict[str, Sequence[str]], dict[str, Told]]:
    """Return the columns of a table with types, as texts that lose nothing, and what it tells of them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from anomalymatch_ui.pool.catalogue_table import read_table
    from anomalymatch_ui.tables import plain, without_nan

    if not path.exists():
        raise InputError(f"There is no table of metadata {path}. Check the path.")
    table = read_table(path)
    columns: dict[str, Sequence[str]] = {}
    for name, column in table.columns.items():
        values = plain(column)
        if values is None:
            continue
        columns[name.strip()] = Texts(pc.cast(without_nan(values), pa.string()).fill_null(""))
    said = table.units, table.descriptions, table.ucds
    told = {name.strip(): Told(*(of.get(name, "") for of in said)) for name in table.columns}
    return columns, told


def _of_frame(frame: pd.DataFrame) -> dict[str, Sequence[str]]:
    names = [str(name) for name in frame.columns]
    return {
        name.strip(): Texts.of(tuple(frame.iloc[:, at]))
        for at, name in enumerate(names)
        if not name.startswith(_NAMELESS)
    }


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
        raise InputError(f"{path} is empty, or is not text. Give a table with a column filename or id.")
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


def _separator(content: bytes) -> str:
    """Return the first separator with which the header names the images or positions, else the comma."""
    first = content.lstrip().partition(b"\n")[0].decode("utf-8-sig", "replace")
    for separator in _SEPARATORS:
        try:
            names = [name.strip().lower() for name in next(csv.reader([first], delimiter=separator), [])]
        except csv.Error:  # a name longer than any
            continue
        if set(names) & set(ID_COLUMNS) or position_names(names):
            return separator
    return _SEPARATORS[0]
