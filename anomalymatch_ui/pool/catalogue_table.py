"""A catalogue's file -> a table of Arrow columns with their units: CSV, ECSV, Parquet, FITS, VOTable."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool.containers import TEXT_TABLES, VOTABLES
from anomalymatch_ui.pool.hats import partitions_of

_SEPARATORS = (",", "\t", ";", "|")
_LONGEST_HEADER = 1 << 20


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a catalogue.

    Attributes
    ----------
    columns
        Name -> column, in the order of the file; missing values are null. What has several values a row is
        a list, or left out.
    units
        Name -> unit, as the file writes it, where it gives one.
    skipped
        Name -> reason, of what could not be used.
    descriptions
        Name -> what the column is, as the file says it, where it does.
    ucds
        Name -> what it is in the words of the IVOA, where the file says so.
    """

    columns: Mapping[str, pa.ChunkedArray]
    units: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)
    ucds: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return next((len(column) for column in self.columns.values()), 0)


def read_table(
    path: Path, as_text: Callable[[str], bool] = lambda name: False, *, follow_links: bool = False
) -> Table:
    """Read a catalogue.

    Parameters
    ----------
    path
        Path of the file, whose suffix says which kind it is; or the folder of a HATS catalogue.
    as_text
        Tells of a column's name whether its values stay as they are written in a text file, as identifiers
        must: ``0012`` is no number.
    follow_links
        Whether partitions of a HATS catalogue are read that are links out of its folder.

    Raises
    ------
    InputError
        If it cannot be read as a table.
    """
    name = path.name.lower()
    try:
        if path.is_dir():
            partitions, passed_over = partitions_of(path, follow_links=follow_links)
            return replace(_joined([_parquet(file) for file in partitions]), skipped=passed_over)
        if name.endswith(".parquet"):
            return _parquet(path)
        if name.endswith(TEXT_TABLES):
            return _text(path, as_text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of units and headers that are not quite the standard's
            return _of_astropy(_votable(path) if name.endswith(VOTABLES) else _fits(path))
    except InputError:
        raise
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        raise InputError(f"Cannot read the catalogue {path}: {reason}. Check the path.") from error
    except Exception as error:  # readers of five formats raise all kinds about damaged files
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise InputError(f"{path} cannot be read as a table: {reason}. Write it anew.") from error


def _parquet(path: Path) -> Table:
    from pyarrow import parquet

    with parquet.ParquetFile(path, memory_map=False) as file:
        fields = {field.name: field for field in file.schema_arrow}
        wanted = [name for name, field in fields.items() if _is_usable(field.type)]
        table = file.read(columns=wanted)

    def told(key: bytes) -> dict[str, str]:
        given = {name: (fields[name].metadata or {}).get(key, b"") for name in wanted}
        return {name: text.decode("utf-8", "replace") for name, text in given.items() if text}

    columns = {name: table.column(name) for name in wanted}
    return Table(columns, told(b"unit"), descriptions=told(b"description"), ucds=told(b"ucd"))


def _joined(parts: list[Table]) -> Table:
    """Return the rows of the partitions of one catalogue, one after another."""
    tables = [pa.table(dict(part.columns)) for part in parts]
    table = pa.concat_tables(tables, promote_options="permissive")
    columns = {name: table.column(name) for name in table.column_names}
    return Table(columns, parts[0].units, descriptions=parts[0].descriptions, ucds=parts[0].ucds)


def _is_usable(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type  # lists of paths
        return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _text(path: Path, as_text: Callable[[str], bool]) -> Table:
    content = path.read_bytes()
    if b"\0" in content[:_LONGEST_HEADER] or not content.strip():
        raise InputError(f"{path} is empty, or is not text. Give a table with a line of names at its head.")
    content = content.removeprefix(b"\xef\xbb\xbf")
    if content.startswith(b"# %ECSV"):
        from astropy.table import Table as AstropyTable

        return _of_astropy(AstropyTable.read(path, format="ascii.ecsv"))
    names, separator, start = _header(content, path)
    return _separated(content[start:], names, separator, as_text)


def _header(content: bytes, path: Path) -> tuple[list[str], str, int]:
    """Return the names of the columns, what separates them, and where the rows begin."""
    place, line, comment, after_comment = 0, "", "", 0
    while not line or line.startswith("#"):
        if place >= len(content):
            raise InputError(f"{path} has no line of names. Write one at its head.")
        end = content.find(b"\n", place) + 1 or len(content)
        line = content[place:end].decode("utf-8", "replace").strip()
        if line.startswith("#"):
            comment, after_comment = line, end
        place = end
    names = comment.lstrip("# ")
    if names and _has_number(line) and len(_cells(line)[0]) == len(_cells(names)[0]):
        line, end = names, after_comment  # names behind a "#", as NumPy and TOPCAT write them
    cells, separator = _cells(line)
    repeated = sorted({cell for cell in cells if cells.count(cell) > 1 and cell})
    if repeated:
        raise InputError(f"{path} has two columns called {repeated[0]!r}. Give each a name of its own.")
    return [cell or f"column {place}" for place, cell in enumerate(cells, 1)], separator, end


def _cells(line: str) -> tuple[list[str], str]:
    """Return the cells of a line, and what separates them."""
    separator = max(_SEPARATORS, key=line.count)
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator))], separator


def _has_number(line: str) -> bool:
    return any(cell.replace(".", "", 1).lstrip("+-").isdigit() for cell in _cells(line)[0])


def _separated(content: bytes, names: list[str], separator: str, as_text: Callable[[str], bool]) -> Table:
    from pyarrow import csv as arrow_csv

    wrong: list[str] = []

    def pass_over(row: Any) -> str:
        if len(wrong) < 1000:
            wrong.append(f"row {row.number}: {row.actual_columns} values for {row.expected_columns} names")
        return "skip"

    if not content.strip():
        return Table({name: pa.chunked_array([pa.array([], pa.string())]) for name in names})
    table = arrow_csv.read_csv(
        io.BytesIO(content),
        read_options=arrow_csv.ReadOptions(column_names=names, use_threads=False),
        parse_options=arrow_csv.ParseOptions(
            delimiter=separator, newlines_in_values=True, invalid_row_handler=pass_over
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types={name: pa.string() for name in names if as_text(name)}
        ),
    )
    skipped = {} if not wrong else {f"{len(wrong):,} of the table's rows": wrong[0]}
    return Table({name: table.column(name) for name in names}, skipped=skipped)


def _fits(path: Path) -> Any:
    from astropy.io import fits
    from astropy.table import Table as AstropyTable

    with fits.open(path) as opened:
        number = next(
            (n for n, hdu in enumerate(opened) if type(hdu) in (fits.BinTableHDU, fits.TableHDU)), None
        )
        if number is None:
            raise InputError(f"{path} has no table. Give a catalogue, or the folder of the images.")
        header = opened[number].header
        numbers = range(1, header.get("TFIELDS", 0) + 1)
        told = [(str(header.get(f"TUCD{at}", "")), str(header.get(f"TCOMM{at}", ""))) for at in numbers]
    table = AstropyTable.read(
        path, format="fits", hdu=number, character_as_bytes=True, unit_parse_strict="silent"
    )
    for name, (ucd, comment) in zip(table.colnames, told, strict=False):
        about = table[name].info  # astropy leaves both in the header
        about.description = about.description or comment or None
        if ucd:
            about.meta = {**(about.meta or {}), "ucd": ucd}
    return table


def has_fits_table(path: Path) -> bool:
    """Return whether a FITS file holds a table and no image; of one that cannot be read, that it does not."""
    from astropy.io import fits

    try:
        with fits.open(path) as opened:
            kinds = [type(hdu) for hdu in opened if hdu.header.get("NAXIS", 0) > 0 or hdu.is_image is False]
    except Exception:  # noqa: BLE001 - of damaged headers astropy raises all kinds
        return False
    return bool(kinds) and all(kind in (fits.BinTableHDU, fits.TableHDU) for kind in kinds)


def _votable(path: Path) -> Any:
    from astropy.io.votable import parse_single_table
    from astropy.utils.xml.iterparser import get_xml_iterator

    # astropy would fetch these, from the network or from any file of the machine.
    with get_xml_iterator(str(path)) as events:
        for is_start, tag, data, _ in events:
            if is_start and tag == "STREAM" and data.get("href"):
                raise InputError(
                    f"The rows of {path} lie elsewhere, at {data['href'][:200]}, where nothing is fetched "
                    "from. Save the table with its rows in it."
                )
    return parse_single_table(path).to_table(use_names_over_ids=True)


def _of_astropy(table: Any) -> Table:
    """Return the columns of an astropy table, without those of several values a row but lists of text."""
    columns: dict[str, pa.ChunkedArray] = {}
    units: dict[str, str] = {}
    skipped: dict[str, str] = {}
    descriptions: dict[str, str] = {}
    ucds: dict[str, str] = {}
    for name in table.colnames:
        column = table[name]
        unit = getattr(column, "unit", None)
        values = np.ma.asarray(getattr(column, "value", column))  # of a quantity its number
        if values.ndim == 2 and values.dtype.kind in "SU":
            columns[name] = pa.chunked_array([pa.array([[t for t in row if t] for row in _texts(values)])])
            continue
        if values.ndim != 1:
            skipped[name] = f"{'x'.join(map(str, values.shape[1:]))} values a row"
            continue
        columns[name] = pa.chunked_array([_arrow(values)])
        if unit is not None:
            units[name] = str(unit)
        if description := getattr(column.info, "description", None):
            descriptions[name] = " ".join(str(description).split())
        if ucd := str((column.info.meta or {}).get("ucd", "")).strip():
            ucds[name] = ucd
    return Table(columns, units, skipped, descriptions, ucds)


def _arrow(values: Any) -> pa.Array:
    mask = np.ma.getmaskarray(values)
    data = np.ma.getdata(values)
    if data.dtype.kind in "SUO":
        texts = _texts(data)
        return pa.array([None if gone else text for text, gone in zip(texts, mask.tolist(), strict=True)])
    return pa.array(np.ascontiguousarray(data.astype(data.dtype.newbyteorder("="))), mask=mask)


def _texts(values: np.ndarray) -> list[Any]:
    """Return text, or rows of it, decoded and without blanks at the end."""

    def text(value: Any) -> Any:
        if isinstance(value, list):
            return [text(one) for one in value]
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        return None if value is None or value is np.ma.masked else str(value).rstrip()

    return [text(value) for value in np.ma.getdata(values).tolist()]
