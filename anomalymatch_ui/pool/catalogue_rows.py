"""What the columns of a catalogue mean: positions in degrees, sizes and names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool.catalogue_table import Table
from anomalymatch_ui.pool.columns import DECLINATION, RIGHT_ASCENSION
from anomalymatch_ui.pool.tile_names import is_of_tiles

IDS = (
    "sourceid",
    "source_id",
    "object_id",
    "objid",
    "objectid",
    "id_str",
    "id",
    "name",
    "designation",
    "number",
)
"""Names of columns that name the objects, in small letters, the likeliest first."""

_ONLY_RA = ("ra_hours", "ra_hms", "ra_hour", "rah")
_ONLY_DEC = ("dec_dms",)
"""Names of positions that are not in degrees."""

_ANGLES = {
    "deg": 1.0, "degree": 1.0, "degrees": 1.0, "d": 1.0, "h": 15.0, "hr": 15.0, "hour": 15.0, "hours": 15.0,
    "hourangle": 15.0, "rad": 180 / math.pi, "radian": 180 / math.pi, "arcmin": 1 / 60, "amin": 1 / 60,
    "arcsec": 1 / 3600, "asec": 1 / 3600, "mas": 1 / 3.6e6,
}  # fmt: skip
"""Unit in small letters -> degrees."""

_PIXELS = ("pix", "pixel", "pixels", "px")
_HOURS = ("rah", "ra_h", "ra_hr", "ra_hour", "ra_hours", "ra_hms")
_SEXAGESIMAL = re.compile(
    r"\s*([+\-−]?)(\d{1,3})\s*([:hd°]|\s)\s*(\d{1,2})\s*(?:[:m'′]|\s)\s*(\d{1,2}(?:\.\d*)?)\s*[s\"″]?\s*"
)
_SIZES = ("diameter", "size", "cutout_size", "diam", "width", "side")
_SIZE = re.compile(r"\s*(\d+(?:\.\d*)?)\s*([a-z\"']*)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Size:
    """Sides of cutouts.

    Attributes
    ----------
    values
        float64 ``(rows,)``, NaN where there is none; or one for all, ``(1,)``.
    angular
        Whether they are arcseconds; otherwise pixels of the first band.
    source
        Where they are from, for a person.
    """

    values: np.ndarray
    angular: bool
    source: str


def is_wanted_as_text(name: str) -> bool:
    """Return whether the values of a column of that name stay as they are written."""
    folded = name.strip().casefold()
    return (
        folded in IDS
        or folded in RIGHT_ASCENSION + _ONLY_RA
        or folded in DECLINATION + _ONLY_DEC
        or is_of_tiles(folded)
    )


def find_positions(
    table: Table, where: str
) -> tuple[tuple[str, str], np.ndarray, np.ndarray, dict[int, str]]:
    """Return the names of the columns of positions, right ascension and declination, and what is wrong.

    Returns
    -------
    tuple of str
        Names of the two columns.
    numpy.ndarray, numpy.ndarray
        float64 ``(rows,)``, degrees; NaN where there is none.
    dict
        Row -> reason, of those without a position.

    Raises
    ------
    InputError
        If there are no columns of positions.
    """
    folded = {name.casefold(): name for name in reversed(list(table.columns))}
    names = tuple(
        next((folded[name] for name in likely if name in folded), "")
        for likely in (RIGHT_ASCENSION + _ONLY_RA, DECLINATION + _ONLY_DEC)
    )
    if not all(names):
        held = ", ".join(list(table.columns)[:12])
        raise InputError(
            f"{where} has no columns of right ascension and declination, such as RA and Dec; it has {held}."
        )
    ra = _degrees(table, names[0], hours=True)
    dec = _degrees(table, names[1], hours=False)
    failed: dict[int, str] = {}
    for row in np.flatnonzero(~(np.isfinite(ra) & np.isfinite(dec))).tolist():
        given = [table.columns[name][row].as_py() for name in names]
        blank = any(value is None or not str(value).strip() for value in given) or _are_nan(given)
        told = ", ".join(map(str, given))[:60]
        failed[row] = "it has no position" if blank else f"its position {told} cannot be read"
    wrong = (np.abs(dec) > 90) | (np.abs(ra) > 360)
    for row in np.flatnonzero(wrong).tolist():
        failed[row] = f"its position {ra[row]:g}, {dec[row]:g} is not on the sky"
    ra[wrong] = dec[wrong] = np.nan
    return (names[0], names[1]), ra % 360, dec, failed


def find_sizes(table: Table, given: str | None, where: str) -> Size:
    """Return the sides of the cutouts.

    Parameters
    ----------
    table
        Its columns are looked at unless a size is given.
    given
        One for all, such as ``"64"`` for pixels or ``"10arcsec"``.
    where
        The file, for errors.

    Raises
    ------
    InputError
        If the size cannot be read, or there is none.
    """
    if given is not None:
        value, angular = parse_size(given)
        return Size(np.array([value]), angular, "as asked for")
    folded = {name.casefold(): name for name in reversed(list(table.columns))}
    for base in _SIZES:
        for suffix in ("_pixel", "_pixels", "_pix", "_px", "_arcsec", "_arcmin", "_deg", ""):
            name = folded.get(base + suffix)
            if name is None:
                continue
            unit = table.units.get(name, suffix.lstrip("_")).casefold()
            factor = 1 / 3600 if not unit or unit in _PIXELS else _degrees_per(unit)
            if factor is not None:
                angular = bool(unit) and unit not in _PIXELS
                return Size(_numbers(table.columns[name]) * (factor * 3600), angular, f"{name!r}")
    raise InputError(
        f"{where} does not say how large the objects are: it has no column such as diameter_pixel or "
        "diameter_arcsec. Give the side of the cutouts by --size, as in 64 (pixels) or 10arcsec."
    )


def parse_size(text: str) -> tuple[float, bool]:
    """Return a side, and whether it is in arcseconds and not in pixels.

    Examples
    --------
    >>> parse_size("64"), parse_size("0.5arcmin")
    ((64.0, False), (30.0, True))
    """
    found = _SIZE.fullmatch(text)
    unit = "" if found is None else {'"': "arcsec", "'": "arcmin"}.get(found[2], found[2].casefold())
    value = 0.0 if found is None else float(found[1])
    if value > 0 and (not unit or unit in _PIXELS):
        return value, False
    if value > 0 and unit in ("arcsec", "arcmin", "deg"):
        return value * _ANGLES[unit] * 3600, True
    raise InputError(f"The size {text!r} is none: write pixels as in 64, or 10arcsec, 0.5arcmin.")


def find_ids(table: Table, wanted: str | None, where: str) -> tuple[str | None, list[str], dict[int, str]]:
    """Return the column that names the objects, their names, and which rows repeat one.

    A row without a name is called by its number. A column of which more than half repeats is no name.

    Returns
    -------
    str or None
        Name of the column.
    list of str
        A name for each row; those that repeat one, too.
    dict
        Row -> reason, of those that repeat the name of an earlier one.
    """
    folded = {name.casefold(): name for name in reversed(list(table.columns))}
    if wanted is not None and wanted not in table.columns:
        held = ", ".join(list(table.columns)[:12])
        raise InputError(f"{where} has no column {wanted!r}, only {held}.")
    for name in [wanted] if wanted is not None else [folded[name] for name in IDS if name in folded]:
        names = _names(table.columns[name])
        series = pd.Series(names, dtype=object)
        again = np.flatnonzero(series.duplicated()).tolist()
        first: dict[str, int] = {}
        if again:
            shared = series[series.duplicated(keep=False)].drop_duplicates()
            first = {text: int(row) for row, text in shared.items()}  # type: ignore[call-overload]
        repeated = {row: f"its id {names[row]} is that of row {first[names[row]]}" for row in again}
        if wanted is not None or 2 * len(repeated) < max(1, len(names)):
            return name, names, repeated
    return None, [str(row) for row in range(table.rows)], {}


def _degrees(table: Table, name: str, *, hours: bool) -> np.ndarray:
    """Return a column of angles in degrees, NaN where there is none."""
    column = table.columns[name]
    unit = table.units.get(name, "").strip().strip('"').casefold()
    factor = _degrees_per(unit) or 1.0
    if hours and not unit and name.casefold() in _HOURS:
        factor = 15.0
    values = _numbers(column) * factor
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        for row in np.flatnonzero(np.isnan(values)).tolist():
            values[row] = _sexagesimal(column[row].as_py(), hours=hours)
    return values


def _degrees_per(unit: str) -> float | None:
    """Return degrees in a unit written in small letters; ``None`` if it is none of angles."""
    if unit in _ANGLES or not unit:
        return _ANGLES.get(unit)
    from astropy import units

    try:
        return float(units.Unit(unit).to(units.deg))  # such as "15 deg", as VOTables write hours
    except (ValueError, TypeError):
        return None


def _sexagesimal(text: str | None, *, hours: bool) -> float:
    """Return degrees of an angle such as ``12:30:49.4`` or ``12h30m49.4s``; NaN if it is none."""
    found = None if text is None else _SEXAGESIMAL.fullmatch(text)
    if found is None:
        return math.nan
    sign, whole, mark, minutes, seconds = found.groups()
    if float(minutes) >= 60 or float(seconds) >= 60:
        return math.nan
    value = int(whole) + int(minutes) / 60 + float(seconds) / 3600
    if mark == "h" or (hours and mark not in "d°"):
        value *= 15
    return -value if sign in ("-", "−") else value


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    """Return a column as float64 with NaN where there is no number."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        texts = pd.Series(column.to_pylist(), dtype=object)
        numbers = np.array(pd.to_numeric(texts, errors="coerce"), np.float64)
        # pandas before 3.1 is a bit off in the last place, by which a cutout moves by a pixel.
        known = np.isfinite(numbers)
        numbers[known] = [float(text) for text in texts[known]]
        return numbers
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return np.full(len(column), np.nan)
    return np.array(column.cast(pa.float64(), safe=False).to_numpy(), np.float64)


def _names(column: pa.ChunkedArray) -> list[str]:
    """Return the names of rows; of one without a name, its number."""
    values = column.to_pylist()
    return [
        f"row {row}" if value is None or not str(value).strip() else str(value).strip()
        for row, value in enumerate(values)
    ]


def _are_nan(values: Iterable[object]) -> bool:
    return any(isinstance(value, float) and math.isnan(value) for value in values)
