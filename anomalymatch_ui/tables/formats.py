"""Write a table as CSV, ECSV, VOTable, FITS or Parquet, so that the field's tools read the same values."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import write_atomically
from anomalymatch_ui.tables.columns import ResultTable, portable, unused, without_nan
from anomalymatch_ui.tables.fitstable import write_fits

if TYPE_CHECKING:
    import pyarrow as pa

Format = Literal["csv", "ecsv", "votable", "fits", "parquet"]

FORMATS: tuple[Format, ...] = get_args(Format)
"""Every format a table can be written in."""

SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".ecsv": "ecsv",
    ".vot": "votable",
    ".votable": "votable",
    ".xml": "votable",
    ".fits": "fits",
    ".fit": "fits",
    ".parquet": "parquet",
    ".pq": "parquet",
}
"""What a file's name says of its format."""

SUFFIX_OF: dict[Format, str] = {form: suffix for suffix, form in reversed(SUFFIXES.items())}
"""How the name of a file of each format ends."""


def format_of(path: Path, given: str | None = None) -> Format:
    """Return the format asked for, or the one that the file's name ends with.

    Raises
    ------
    InputError
        If there is no such format, or the name tells none.
    """
    if given is not None:
        if given not in FORMATS:
            raise InputError(f"There is no format {given!r}. Choose one of: {', '.join(FORMATS)}.")
        return given
    told = SUFFIXES.get(path.suffix.lower())
    if told is None:
        raise InputError(
            f"{path.name} does not say in which format to write it. Choose one of {', '.join(FORMATS)}, or "
            f"end the name with one of {', '.join(SUFFIXES)}."
        )
    return told


def write_table(path: Path, table: ResultTable, form: Format) -> None:
    """Write a table, whole or not at all; a file that was there before stays until the new one is complete.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    writer = _WRITERS[form]
    write_atomically(path, lambda temporary: writer(temporary, table))


def _write_csv(path: Path, table: ResultTable) -> None:
    """Write texts in quotes, so that an empty one is not taken for a missing one."""
    import pyarrow.csv

    pyarrow.csv.write_csv(_arrow(table), path)


def _write_parquet(path: Path, table: ResultTable) -> None:
    import pyarrow.parquet

    pyarrow.parquet.write_table(_arrow(table), path)


def _arrow(table: ResultTable) -> pa.Table:
    """Return the table of Arrow, NaN as missing: DuckDB 2.0.1 finds no NaN in the files of pyarrow 26."""
    import pyarrow as pa

    fields, arrays = [], []
    for column in table.columns:
        values = without_nan(column.values)
        said = {"unit": column.unit, "ucd": column.ucd, "description": column.description}
        about = {key: text for key, text in said.items() if text}
        fields.append(pa.field(column.name, values.type, metadata=about))
        arrays.append(values)
    return pa.table(arrays, schema=pa.schema(fields, metadata=dict(table.provenance)))


def _write_ecsv(path: Path, table: ResultTable) -> None:
    _astropy(table).write(path, format="ascii.ecsv", delimiter=",", overwrite=True)


def _write_votable(path: Path, table: ResultTable) -> None:
    """Write booleans as such: astropy 8.0 makes bits of them, of which none can be missing."""
    from astropy.io.votable import from_table
    from astropy.io.votable.converters import get_converter
    from astropy.io.votable.tree import Info

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # each column of texts has the width of its longest
        file = from_table(_astropy(table))
        for field in file.get_first_table().fields:
            if field.datatype == "bit":
                field.datatype = "boolean"
                field.converter = get_converter(field)
        for key, text in table.provenance.items():
            file.resources[0].infos.append(Info(name=key, value=text))
        written = io.BytesIO()
        file.to_xml(written, tabledata_format="tabledata")
    # VOTable 1.5, section 6: infinity is +Inf, not +InF as astropy 8.0 writes it.
    path.write_bytes(re.sub(rb"<TD>([+-])InF</TD>", rb"<TD>\1Inf</TD>", written.getvalue()))


def _astropy(table: ResultTable) -> Any:
    """Return the table of astropy, in types that all of its writers have."""
    from astropy.table import Column as PlainColumn
    from astropy.table import MaskedColumn, Table

    made = Table(meta=dict(table.provenance))
    for column in table.columns:
        values, missing = portable(column.values)
        if values.dtype == object:
            values = values.astype(str) if len(values) else np.zeros(0, "U1")
        about: dict[str, Any] = {
            "name": column.name,
            "unit": column.unit or None,
            "description": column.description or None,
            "meta": {"ucd": column.ucd} if column.ucd else {},
        }
        if missing.any():
            about["fill_value"] = unused(values, missing) if values.dtype.kind in "iu" else None
            made[column.name] = MaskedColumn(values, mask=missing, **about)
        else:
            made[column.name] = PlainColumn(values, **about)
    return made


_WRITERS: dict[Format, Callable[[Path, ResultTable], None]] = {
    "csv": _write_csv,
    "ecsv": _write_ecsv,
    "votable": _write_votable,
    "fits": write_fits,
    "parquet": _write_parquet,
}
