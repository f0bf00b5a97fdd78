"""Which tiles the rows of a catalogue name: paths, lists of paths, a column a band, or names of tiles."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anomalymatch_ui.pixels.files import FITS
from anomalymatch_ui.pool.catalogue_table import Table

_FILES = (
    "fits_file_paths", "fits_file_path", "fits_paths", "fits_path", "tile_paths", "tile_path", "tile_file",
    "fits_files", "fits_file", "fits", "tiles", "tile", "mosaic", "image_path", "image", "path", "paths",
    "file", "filename", "file_loc",
)  # fmt: skip
_TILE_NAMES = ("tile", "tile_id", "tileid", "tile_name", "brickname", "brick", "brickid", "field", "tract")
_KEYWORDS = "fits_file_keywords"
_OF_BAND = re.compile(
    r"(?:fits_file|tile_path|fits_path|tile|file|path|fits|image|mosaic)[ _-](.+)", re.IGNORECASE
)
_NO_BANDS = frozenset(("path", "paths", "file", "files", "name", "id", "loc", "size", "keywords"))


@dataclass(frozen=True, slots=True)
class TileNames:
    """Which tiles the rows of a catalogue name.

    Attributes
    ----------
    column
        Name of the column, or the columns.
    names
        Each different entry: paths of files, one or more for several bands; or one name of a tile.
    code
        int64 ``(rows,)``: which of ``names``; -1 where a row names none.
    bands
        What the table calls the band of each path, by entry; empty where it says nothing.
    are_files
        Whether they are paths, not names of tiles.
    """

    column: str
    names: tuple[tuple[str, ...], ...]
    code: np.ndarray
    bands: tuple[tuple[str, ...], ...]
    are_files: bool


def is_of_tiles(name: str) -> bool:
    """Return whether a column of that name, in small letters, names tiles."""
    return name in _FILES or name in _TILE_NAMES or name == _KEYWORDS


def find_tiles(table: Table) -> TileNames | None:
    """Return which tiles the rows name; ``None`` if no column does."""
    folded = {name.casefold(): name for name in reversed(list(table.columns))}
    for label in _FILES:
        name = folded.get(label)
        if name is None:
            continue
        code, values = _factorised(table.columns[name])
        entries = tuple(tuple(_listed(value)) for value in values)
        if not any(_are_fits(entry) for entry in entries):
            continue
        bands = _keywords(table, folded, entries, code)
        return TileNames(name, entries, code, bands, are_files=True)
    by_band = _one_column_a_band(table)
    if by_band is not None:
        return by_band
    for label in _TILE_NAMES:
        name = folded.get(label)
        if name is not None:
            code, values = _factorised(table.columns[name])
            entries = tuple((str(value),) for value in values)
            return TileNames(name, entries, code, ((),) * len(entries), are_files=False)
    return None


def _one_column_a_band(table: Table) -> TileNames | None:
    """Return the tiles of columns such as ``file_g`` and ``file_r``."""
    columns: dict[str, str] = {}
    for name in table.columns:
        found = _OF_BAND.fullmatch(name)
        if found is None or found[1].casefold() in _NO_BANDS:
            continue
        _, values = _factorised(table.columns[name])
        if any(_are_fits(_listed(value)) for value in values):
            columns[found[1]] = name
    if not columns:
        return None
    coded = [_factorised(table.columns[name]) for name in columns.values()]
    codes = np.stack([code for code, _ in coded], 1)
    different, code = np.unique(codes, axis=0, return_inverse=True)
    names, bands = [], []
    for row in different.tolist():
        there = [
            (band, str(values[number]))
            for band, number, (_, values) in zip(columns, row, coded, strict=True)
            if number >= 0
        ]
        bands.append(tuple(band for band, _ in there))
        names.append(tuple(path for _, path in there))
    code = code.reshape(-1).astype(np.int64)
    empty = [place for place, paths in enumerate(names) if not paths]
    code[np.isin(code, empty)] = -1
    return TileNames(", ".join(columns.values()), tuple(names), code, tuple(bands), are_files=True)


def _keywords(
    table: Table, folded: Mapping[str, str], entries: Sequence[tuple[str, ...]], code: np.ndarray
) -> tuple[tuple[str, ...], ...]:
    """Return the bands that older catalogues of Cutana name beside the paths."""
    nothing: tuple[tuple[str, ...], ...] = ((),) * len(entries)
    name = folded.get(_KEYWORDS)
    if name is None:
        return nothing
    bands = list(nothing)
    numbers, values = _factorised(table.columns[name])
    pairs = np.unique(np.stack([code, numbers], 1), axis=0)
    for entry, number in pairs[(pairs >= 0).all(axis=1)].tolist():
        said = tuple(_listed(values[number]))
        if len(said) == len(entries[entry]) == len(set(said)) and all(said):
            bands[entry] = said
    return tuple(bands)


def _factorised(column: pa.ChunkedArray) -> tuple[np.ndarray, list[object]]:
    """Return which of its different values each row has, -1 for none, and these values."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        texts = [None if value is None else json.dumps(value) for value in column.to_pylist()]
        column = pa.chunked_array([pa.array(texts, pa.string())])
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    code = np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False), np.int64)
    values = encoded.dictionary.to_pylist()
    empty = [
        place for place, value in enumerate(values) if not str(value).strip() or str(value).strip() == "[]"
    ]
    return np.where(np.isin(code, empty), -1, code), values


def _listed(value: object) -> list[str]:
    """Return the paths in a cell: one, or a list as Python or JSON writes it.

    Examples
    --------
    >>> _listed("['a_g.fits', 'a_r.fits']"), _listed("a.fits")
    (['a_g.fits', 'a_r.fits'], ['a.fits'])
    """
    text = str(value).strip()
    if text[:1] in "[(" and text[-1:] in ")]":
        try:
            found = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            inside = [part.strip().strip("'\"") for part in text[1:-1].split(",")]
            return [part for part in inside if part]
        found = found if isinstance(found, list | tuple) else [found]
        return [str(part).strip() for part in found]
    return [part for part in (part.strip() for part in text.split(";")) if part]


def _are_fits(paths: Iterable[str]) -> bool:
    paths = list(paths)
    return bool(paths) and all(path.lower().endswith(FITS) for path in paths)
