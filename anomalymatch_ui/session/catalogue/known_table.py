"""Known objects: a table of names and positions, given by hand or by a service."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anomalymatch_ui.errors import InputError

_NAMES = ("main_id", "object name", "object_name", "name", "designation", "object", "objname", "target")
"""Columns that name objects for a person, in small letters, the likeliest first."""


@dataclass(frozen=True)
class KnownTable:
    """Objects that somebody has catalogued.

    Attributes
    ----------
    source
        Who says so, such as ``"gaia.csv"`` or ``"SIMBAD"``.
    names
        One for each object.
    ra, dec
        Degrees, ICRS, float64 ``(n,)``; NaN where there is no position on the sky.
    """

    source: str
    names: tuple[str, ...]
    ra: np.ndarray
    dec: np.ndarray

    def __len__(self) -> int:
        return len(self.names)


def read_known(path: Path, name: str | None = None) -> KnownTable:
    """Read a table of known objects: CSV, ECSV, VOTable, FITS, Parquet, or a HATS catalogue.

    Positions are in degrees, in the unit that the table gives, or sexagesimal.

    Parameters
    ----------
    path
        The table.
    name
        Column that names the objects; ``None`` takes the likeliest, or the number of the row.

    Raises
    ------
    InputError
        If it cannot be read, has no positions, none of them on the sky, or no such column.
    """
    from anomalymatch_ui.pool.catalogue_rows import find_ids, find_positions, is_wanted_as_text
    from anomalymatch_ui.pool.catalogue_table import read_table

    if not path.exists():
        raise InputError(f"There is no table of known objects {path}. Check the path.")

    def as_text(column: str) -> bool:
        return column == name or column.strip().casefold() in _NAMES or is_wanted_as_text(column)

    table = read_table(path, as_text)
    _, ra, dec, failed = find_positions(table, str(path))
    if not np.isfinite(dec).any():
        reason = f": of row 1 {failed[0]}" if 0 in failed else ""
        raise InputError(f"{path} has no position on the sky{reason}. Give positions in degrees, ICRS.")
    if name is None:
        folded = {column.strip().casefold(): column for column in reversed(list(table.columns))}
        name = next((folded[likely] for likely in _NAMES if likely in folded), None)
    column, names, _ = find_ids(table, name, str(path))
    if column is None:
        names = [f"row {row + 1}" for row in range(table.rows)]
    return KnownTable(path.name, tuple(names), ra, dec)
