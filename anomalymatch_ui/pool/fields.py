"""Which tiles cutouts are cut from: those that a catalogue names, or those of a folder at their positions."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels import GREY, Band, Bands, PixelError
from anomalymatch_ui.pixels.files import FITS, why_unreadable
from anomalymatch_ui.pixels.filters import usual_wavelength
from anomalymatch_ui.pool.base import few
from anomalymatch_ui.pool.cutting import lie_within
from anomalymatch_ui.pool.listing import list_images
from anomalymatch_ui.pool.template import group_files
from anomalymatch_ui.pool.tile_names import TileNames
from anomalymatch_ui.pool.tiles import Sky, Tiles
from anomalymatch_ui.sky import unit_vectors

_BEYOND = 1.02
"""A tile is looked at for positions up to so many times the distance of its farthest corner."""


@dataclass(frozen=True, slots=True)
class Field:
    """The tiles of one part of the sky.

    Attributes
    ----------
    paths
        Paths of the files, absolute: one, or one a band.
    bands
        What the band of each is called; empty where their headers or names say.
    """

    paths: tuple[str, ...]
    bands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a catalogue.

    Attributes
    ----------
    fields
        Each with at least one row.
    code
        int64 ``(rows,)``: which field a row lies in; -1 where it is in none.
    failed
        Row -> reason, of those in none.
    skipped
        Name -> reason, of tiles that cannot be used.
    found
        How the tiles were found, for a person.
    """

    fields: tuple[Field, ...]
    code: np.ndarray
    failed: Mapping[int, str]
    skipped: Mapping[str, str]
    found: str


def fields_by_name(named: TileNames, folders: Sequence[Path], template: str | None, tiles: Path) -> Fields:
    """Return the fields that the rows of a catalogue name.

    Parameters
    ----------
    named
        What the rows say.
    folders
        Where relative paths are looked for, the likeliest first; and files of which only the name is right.
    template, tiles
        How the names of files are made of the tile's and the band's, and the folder of the files, where the
        rows name tiles and not files.

    Raises
    ------
    InputError
        If tiles are named without a template, or it fits no file.
    """
    failed = dict.fromkeys(np.flatnonzero(named.code < 0).tolist(), f"it names no tile in {named.column!r}")
    if named.are_files:
        fields = tuple(
            Field(tuple(_resolved(path, folders) for path in paths), bands)
            for paths, bands in zip(named.names, named.bands, strict=True)
        )
        return Fields(fields, named.code, failed, {}, f"named by {named.column}")
    if template is None:
        raise InputError(
            f"Tiles are named in {named.column!r}, not files: say by --template how these are called."
        )
    grouped = group_files(_fits_below(tiles), template)
    by_name = {Path(name).name: files for name, files in grouped.images.items()}
    there: list[Field] = []
    known = np.full(len(named.names), -1, np.int64)
    for place, (name,) in enumerate(named.names):
        if name in by_name:
            known[place] = len(there)
            bands = tuple(band for band in grouped.bands if band in by_name[name])
            there.append(Field(tuple(str(tiles / by_name[name][band]) for band in bands), bands))
    code = np.where(named.code < 0, -1, known[named.code])
    for row in np.flatnonzero((code < 0) & (named.code >= 0)).tolist():
        failed[row] = f"there is no file of its tile {named.names[int(named.code[row])][0]} in {tiles}"
    return Fields(tuple(there), code, failed, {}, f"named by {named.column} and the template {template}")


def fields_by_position(
    ra: np.ndarray,
    dec: np.ndarray,
    folder: Path,
    template: str | None,
    tiles: Tiles,
    wanted: Sequence[str] | None,
) -> Fields:
    """Return the fields of a folder that cover positions.

    Of two tiles of a band that cover one, that counts in which it lies farther from the edge.

    Parameters
    ----------
    ra, dec
        float64 ``(rows,)``, degrees; NaN where there is none.
    folder
        Folder of the tiles, looked through with the folders below it.
    template
        How the names of files are made of the tile's and the band's; else headers tell the band, or names.
    tiles
        Opens them.
    wanted
        Names of the bands that are used; all if not given.

    Raises
    ------
    InputError
        If there are no tiles.
    """
    files = _fits_below(folder)
    of_file = {}
    if template is not None:
        grouped = group_files(files, template, None if wanted is None else tuple(wanted))
        of_file = {file: band for bands in grouped.images.values() for band, file in bands.items()}
        files = [file for file in files if file in of_file]
    skipped: dict[str, str] = {}
    usable: dict[str, Sky] = {}
    for file in files:
        try:
            usable[file] = tiles.sky(str(folder / file))
        except (OSError, PixelError, ValueError) as error:
            skipped[file] = why_unreadable(error)
    by_band: dict[str, list[tuple[str, Sky]]] = {}
    for file, band in _bands_of(usable, of_file).items():
        by_band.setdefault(band, []).append((str(folder / file), usable[file]))
    if wanted and set(wanted) <= by_band.keys():
        by_band = {band: by_band[band] for band in wanted}
    if not by_band:
        why = few([f"{name} ({reason})" for name, reason in skipped.items()])
        raise InputError(f"None of the tiles in {folder} can be used: {why}." if why else _no_tiles(folder))
    bands = tuple(by_band)
    known = np.isfinite(ra)
    chosen = np.full((len(ra), len(bands)), -1, np.int64)
    for place, there in enumerate(by_band.values()):
        chosen[known, place] = _covering([sky for _, sky in there], ra[known], dec[known])
    failed: dict[int, str] = {}
    for row in np.flatnonzero(known & (chosen < 0).any(axis=1)).tolist():
        lacking = [band for band, tile in zip(bands, chosen[row].tolist(), strict=True) if tile < 0]
        of = "" if len(lacking) == len(bands) else f" of the band {' and '.join(map(repr, lacking[:3]))}"
        failed[row] = f"its position {ra[row]:.5f}, {dec[row]:.5f} lies on no tile{of}"
    different, code = np.unique(chosen, axis=0, return_inverse=True)
    fields: list[Field] = []
    places = np.full(len(different), -1, np.int64)
    for place, numbers in enumerate(different.tolist()):
        if min(numbers) >= 0:
            places[place] = len(fields)
            paths = tuple(by_band[band][n][0] for band, n in zip(bands, numbers, strict=True))
            fields.append(Field(paths, bands if len(bands) > 1 else ()))
    count = sum(map(len, by_band.values()))
    found = f"the {count:,} in {folder} that cover the positions" if count > 1 else f"the one in {folder}"
    return Fields(tuple(fields), places[code.reshape(-1)], failed, skipped, found)


def name_bands(field: Field, skies: Sequence[Sky]) -> list[Bands]:
    """Return the bands of each tile of a field: as the table or the template says, headers, or file names.

    Where nothing tells them apart they are numbered in the order in which the table names them.
    """
    told = [sky.bands for sky in skies]
    if any(len(bands) > 1 for bands in told) or (len(told) == 1 and not field.bands):
        return told
    headers = [bands.names[0] for bands in told]
    files = [band_in_name(path) for path in field.paths]
    for names in (list(field.bands), headers, files):
        if len(names) == len(told) == len(set(names)) and GREY.names[0] not in names:
            break
    else:
        names = [str(number) for number in range(1, len(told) + 1)]
    return [
        Bands((Band.named(name, zero_point=bands[0].zero_point, unit=bands[0].unit),))
        for name, bands in zip(names, told, strict=True)
    ]


def _covering(skies: Sequence[Sky], ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Return which of some tiles covers each position best; -1 where none does."""
    best = np.full(len(ra), -1, np.int64)
    depth = np.full(len(ra), -np.inf)
    directions = unit_vectors(ra, dec)
    for number, sky in enumerate(skies):
        corners = sky.corners()
        cosines = corners[1:] @ corners[0]
        near = np.ones(len(ra), bool)
        if np.isfinite(cosines).all():
            reach = min(np.pi, float(np.arccos(np.clip(cosines.min(), -1, 1))) * _BEYOND)
            near = directions @ corners[0] >= np.cos(reach)
        rows = np.flatnonzero(near)
        x, y = sky.pixels(ra[rows], dec[rows])
        inside = lie_within(x, y, sky.width, sky.height)
        rows, x, y = rows[inside], x[inside], y[inside]
        # In arcseconds, for tiles of a band may differ in their pixels.
        edge = np.minimum(np.minimum(x, sky.width - 1 - x), np.minimum(y, sky.height - 1 - y)) * sky.scale
        deeper = edge > depth[rows]
        best[rows[deeper]] = number
        depth[rows[deeper]] = edge[deeper]
    return best


def _bands_of(skies: Mapping[str, Sky], known: Mapping[str, str]) -> dict[str, str]:
    """Return the band of each file: as is known, as its header says, or else its name.

    Names count only where each file that has nothing else has a band in its own: of ``a.fits`` and ``b.fits``
    neither is a blue one.
    """
    named = {file: known.get(file) or ", ".join(sky.bands.names) for file, sky in skies.items()}
    by_name = {file: band_in_name(file) for file, band in named.items() if band == GREY.names[0]}
    if GREY.names[0] not in by_name.values():
        named.update(by_name)
    return named


def band_in_name(file: str) -> str:
    """Return the band that is part of the name of a file; ``"grey"`` if none is.

    Examples
    --------
    >>> band_in_name("EUC_MER_BGSUB-MOSAIC-NIR-Y_TILE102018211.fits")
    'NIR-Y'
    """
    parts = [part for part in re.split(r"[^A-Za-z0-9]+", os.path.basename(file)) if part]
    parts = [re.sub(r"(?i)(?<=.)[ _-]?band$", "", part) for part in parts]
    pairs = [f"{first}-{second}" for first, second in pairwise(parts)]
    for words in (pairs, parts):
        for word in reversed(words):
            if usual_wavelength(word) is not None:
                return word
    return GREY.names[0]


def _resolved(text: str, folders: Sequence[Path]) -> str:
    """Return where a tile is: as is written, or one of its name in the folders; else as is written."""
    path = Path(text)
    tries = [path] if path.is_absolute() else [folder / path for folder in folders]
    for attempt in (*tries, *(folder / path.name for folder in folders)):
        if os.path.isfile(attempt):
            return os.path.abspath(attempt)
    return os.path.abspath(tries[0])


def _fits_below(folder: Path) -> list[str]:
    try:
        listing = list_images(str(folder), follow_links=True)  # which a person or the catalogue names
    except OSError as error:
        raise InputError(f"Cannot open the folder of tiles {folder}: {error.strerror or error}.") from error
    files = sorted(name for name in listing.images if name.lower().endswith(FITS))
    if not files:
        raise InputError(_no_tiles(folder))
    return files


def _no_tiles(folder: Path) -> str:
    return f"There are no FITS files in {folder} to cut from. Give the folder of the tiles by --tiles."
