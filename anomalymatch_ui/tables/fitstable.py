"""Write a table as FITS, whose headers are ASCII and whose texts and names have limits of their own."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.tables.columns import Column, ResultTable, portable, unused

MOST_COLUMNS = 999
"""TFIELDS has three digits (FITS 4.0, section 7.3)."""

LONGEST_NAME = 60
"""Letters of a column's name: TTYPE is one card, of which 68 are the value's, and a number may follow."""

_CODES = {"?": "L", "B": "B", "h": "I", "i": "J", "l": "K", "q": "K", "f": "E", "d": "D"}


def write_fits(path: Path, table: ResultTable) -> None:
    """Write a table as the first extension of a FITS file.

    Raises
    ------
    InputError
        If it has more columns than FITS can number.
    """
    from astropy.io import fits

    if len(table.columns) > MOST_COLUMNS:
        raise InputError(
            f"A table of FITS has at most {MOST_COLUMNS} columns, and this one has {len(table.columns):,}. "
            "Choose another format."
        )
    names = fits_names(table.names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fits.verify.VerifyWarning)  # names need not be keywords
        columns = [_column(column, name) for column, name in zip(table.columns, names, strict=True)]
        data = fits.BinTableHDU.from_columns(columns, nrows=len(table), name="RESULTS")
        for number, column in enumerate(table.columns, start=1):
            for keyword, text in (("TUCD", column.ucd), ("TCOMM", column.description)):
                if text:
                    data.header[f"{keyword}{number}"] = ascii_of(text)
        for key, text in table.provenance.items():
            data.header.add_history(ascii_of(f"{key}: {text}"))
        fits.HDUList([fits.PrimaryHDU(), data]).writeto(path, overwrite=True)


def fits_names(names: Sequence[str]) -> list[str]:
    """Return names that FITS can hold: ASCII, of 60 letters at most, different also without capitals.

    Examples
    --------
    >>> fits_names(["Flux", "flux", "with a tab"])
    ['Flux', 'flux_2', 'with a tab']
    """
    taken: set[str] = set()
    made = []
    for name in names:
        short = ascii_of(name)[:LONGEST_NAME]
        unique, number = short, 2
        while unique.casefold() in taken:
            unique, number = f"{short}_{number}", number + 1
        taken.add(unique.casefold())
        made.append(unique)
    return made


def ascii_of(text: str) -> str:
    """Return a text as a header of FITS can hold it: other letters as escapes, tabs and line ends blanks."""
    return re.sub(r"[^ -~]", " ", text.encode("ascii", "backslashreplace").decode())


def _column(column: Column, name: str) -> Any:
    """Return a column of FITS: text as UTF-8, a missing whole number as one that does not occur (TNULL)."""
    from astropy.io import fits

    values, missing = portable(column.values)
    null = None
    if values.dtype == object:
        encoded = [text.encode() for text in values]
        width = max([len(text) for text in encoded], default=0) or 1
        code, values = f"{width}A", np.array(encoded, dtype=f"S{width}")
    else:
        if missing.any() and values.dtype.itemsize == 1:  # FITS has no missing boolean that astropy can write
            values = values.astype(np.int16)
        if missing.any() and values.dtype.kind in "iu":
            null = unused(values, missing)
            values = np.where(missing, null, values).astype(values.dtype)
        code = _CODES[values.dtype.char]
    return fits.Column(name, code, array=values, unit=ascii_of(column.unit) or None, null=null)
