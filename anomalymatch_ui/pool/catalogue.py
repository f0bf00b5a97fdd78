"""A catalogue and the tiles of a survey: each image is cut out when it is asked for."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from anomalymatch_ui.config import PixelsConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels import NO_GOOD_PIXEL, NativeImage, PixelError
from anomalymatch_ui.pixels.files import DECODE_ERRORS, why_unreadable
from anomalymatch_ui.pool.base import PoolReport, UnreadableImageError, check_indices, few
from anomalymatch_ui.pool.catalogue_rows import (
    Size,
    find_ids,
    find_positions,
    find_sizes,
    is_wanted_as_text,
)
from anomalymatch_ui.pool.catalogue_table import Table, read_table
from anomalymatch_ui.pool.columns import Columns
from anomalymatch_ui.pool.cutter import Cutter, gone
from anomalymatch_ui.pool.fields import Fields, fields_by_name, fields_by_position
from anomalymatch_ui.pool.ids import OrderedRowIds, StoredIds
from anomalymatch_ui.pool.records import RecordError, RecordPool
from anomalymatch_ui.pool.tile_names import find_tiles
from anomalymatch_ui.pool.tiles import Tiles
from anomalymatch_ui.sky import Place

_AT_ONCE = 64
"""Images of files that are fetched at one time, where a pool asks for nothing else."""

_FETCHED_BYTES = 256 * 2**20
"""Cutouts that are fetched at one time take no more, if they are as large as those tried."""


class CataloguePool(RecordPool):
    """The objects of a catalogue, cut from tiles; see :class:`~anomalymatch_ui.pool.ImagePool`.

    The images are in the order of the tiles, and those of a tile in that of the table, so that whoever goes
    through the pool from one end to the other opens each tile once.

    Parameters
    ----------
    path
        The table, absolute.
    pixels
        How the images are found, cut and rendered.

    Attributes
    ----------
    positions
        Right ascension and declination in degrees, float64 ``(n, 2)``; NaN where there is none.

    Raises
    ------
    InputError
        If it cannot be read as a catalogue, or there is nothing to cut from.
    """

    def __init__(self, path: Path, pixels: PixelsConfig) -> None:
        self.path = path
        self.name = path.name.split(".")[0]
        self.pixels = pixels
        table = read_table(path, is_wanted_as_text, follow_links=pixels.follow_links)
        if not table.rows:
            raise InputError(f"The catalogue {path} has no rows.")
        names, ra, dec, failed = find_positions(table, str(path))
        size = find_sizes(table, pixels.size, str(path))
        self._tiles = Tiles(pixels.hdu, pixels.planes)
        fields = self._found_fields(table, ra, dec)
        ids_name, texts, repeated = find_ids(table, pixels.ids, str(path))
        failed = {**fields.failed, **_without_size(size, table.rows), **failed}

        is_kept = np.ones(table.rows, bool)
        is_kept[list(repeated)] = False
        kept = np.flatnonzero(is_kept)
        on_none = len(fields.fields)
        code = np.where(fields.code < 0, on_none, fields.code)
        rows = kept[np.argsort(code[kept], kind="stable")]  # those on no tile come last
        self._rows = rows
        self._fields = fields.fields
        self._field_of = code[rows]
        self._starts = np.searchsorted(self._field_of, np.arange(len(self._fields) + 1))
        self.positions = np.stack([ra[rows], dec[rows]], 1)
        self._sizes = np.broadcast_to(size.values, table.rows)[rows]
        self._angular = size.angular
        self._cutter = Cutter(
            self._tiles, self._fields, self._starts, self.positions, self._sizes, angular=size.angular
        )

        if ids_name is None:
            self.row_ids = OrderedRowIds(rows)
        else:
            named = pa.array(texts, pa.string()).take(pa.array(rows))
            self.row_ids = StoredIds(
                lambda start, stop: named[start:stop].to_pylist(), len(rows), f"{ids_name!r} in {path}"
            )
        self.ids = self.row_ids
        skipped = {**table.skipped, **fields.skipped, **{f"row {row}": why for row, why in repeated.items()}}
        self.report = PoolReport(len(rows), skipped)
        self.columns = self._columns(table, names)
        place_of = {row: place for place, row in enumerate(rows.tolist())} if failed else {}
        self.failed = {place_of[row]: reason for row, reason in failed.items() if row in place_of}
        self._lost = np.zeros(len(rows), bool)
        self._note_lost()
        self.look(pixels)
        self.found = self._told(fields, size, ids_name)
        pixels_tried, largest = self._try_some()
        is_large = _AT_ONCE * largest > _FETCHED_BYTES
        self.block_images = max(2, _FETCHED_BYTES // largest) if is_large else 1
        self.digest = self._digest(pixels_tried)

    def record(self, index: int) -> NativeImage:
        """Cut out one image."""
        try:
            image, remark = self._cutter.cut(int(self._field_of[index]), index)
        except PixelError as error:
            raise RecordError(str(error)) from error
        if remark:
            self.report.remark(self.ids[index], remark)
        return image

    def native(self, index: int, zoom: float = 1.0) -> NativeImage:
        """Cut out the native values of one image, in all its bands; raises as :meth:`image`.

        Parameters
        ----------
        index
            Which image.
        zoom
            How many times as wide the field is, around the same centre: 4 shows what lies around an object.
            It is limited so that no side is over :data:`LARGEST_SIDE` pixels.
        """
        return self.field(index, zoom)[0]

    def image(self, index: int, zoom: float = 1.0) -> np.ndarray:
        """Read one whole image as it is shown, ``zoom`` times as wide as it is; see :meth:`native`."""
        image, _ = self.field(index, zoom)
        try:
            return np.array(self.decoder.picture(image))
        except DECODE_ERRORS as error:
            reason = why_unreadable(error)
            self.report.note(self.ids[index], reason)
            raise UnreadableImageError(self.ids[index], reason) from error

    def field(self, index: int, zoom: float) -> tuple[NativeImage, str]:
        """Cut out one image as :meth:`native` does; say what of it lies off a tile, or else is wrong.

        Raises as :meth:`image`.
        """
        (checked,) = check_indices([index], len(self)).tolist()
        image_id = self.ids[checked]
        reason = self.failed.get(checked, "")
        if not reason:
            try:
                image, remark = self._cutter.cut(int(self._field_of[checked]), checked, zoom)
                reason = "" if image.has_good_pixels else NO_GOOD_PIXEL
            except PixelError as error:
                reason = str(error)
        if reason:
            self.report.note(image_id, reason)
            raise UnreadableImageError(image_id, reason)
        self.report.clear([image_id])
        if remark and zoom == 1:
            self.report.remark(image_id, remark)
        return image, remark

    def window(self, index: int, zoom: float = 1.0) -> tuple[str, int, int, int]:
        """Return what one image is cut from in its finest band: the tile, first column and row, and the side.

        Raises
        ------
        UnreadableImageError
            If it cannot be cut.
        """
        self.native(index)  # says why not, if it cannot be
        number = int(self._field_of[index])
        return self._cutter.window(number, index, zoom)

    def place(self, index: int) -> Place | None:
        """Return where the middle of an image is, by the WCS of its tile; ``None`` if it cannot be cut."""
        try:
            path, left, top, side = self.window(index)
        except UnreadableImageError:
            return None
        middle = (side - 1) / 2
        return self._tiles.sky(path).place(left + middle, top + middle)

    def any_there(self, indices: Sequence[int] | np.ndarray) -> bool:
        """Return whether the catalogue and a tile are there; see :meth:`ImagePool.any_there`."""
        asked = check_indices(indices, len(self))
        if not os.path.exists(self.path):
            return False
        on_none = len(self._fields)
        return any(
            field == on_none or any(map(os.path.exists, self._fields[field].paths))
            for field in np.unique(self._field_of[asked]).tolist()
        )

    def close(self) -> None:
        """Let go of the tiles; later reads raise ``ValueError``."""
        self._tiles.close()

    @property
    def tiles_opened(self) -> int:
        """How often a tile was opened so far."""
        return self._tiles.opened

    def _found_fields(self, table: Table, ra: np.ndarray, dec: np.ndarray) -> Fields:
        """Return the tiles of the rows: as the table names them, or else by their positions."""
        folder = self.path.parent if self.pixels.tiles is None else Path(self.pixels.tiles)
        folders = list(dict.fromkeys((folder, self.path.parent)))
        named, template = find_tiles(table), self.pixels.template
        if named is not None and (named.are_files or template is not None):
            return fields_by_name(named, folders, template, folder)
        return fields_by_position(ra, dec, folder, template, self._tiles, self.pixels.bands)

    def _columns(self, table: Table, names: tuple[str, str]) -> Columns:
        """Return the columns of the table in the pool's order, positions in degrees."""
        as_written = Columns(
            {name: partial(table.columns.__getitem__, name) for name in table.columns},
            table.units,
            table.descriptions,
            table.ucds,
        )

        def degrees(*called: str) -> Columns:
            return Columns({name: partial(self._degrees, place) for place, name in enumerate(called)})

        positions = degrees(*names)
        if positions.positions is None:  # such as ra_hours
            positions = degrees("ra", "dec")
        return positions.joined(as_written.rows(self._rows))

    def _degrees(self, place: int) -> pa.ChunkedArray:
        return pa.chunked_array([pa.array(self.positions[:, place], from_pandas=True)])

    def _note_lost(self) -> None:
        """Note in the report which images cannot be read, or have a tile that is not there."""
        for index, reason in self.failed.items():
            self.report.note(self.ids[index], reason)
            self._lost[index] = True
        for number, field in enumerate(self._fields):
            absent = [path for path in field.paths if not os.path.isfile(path)]
            if absent:
                rows = slice(int(self._starts[number]), int(self._starts[number + 1]))
                for index in (rows.start + np.flatnonzero(~self._lost[rows])).tolist():
                    self.report.note(self.ids[index], gone(absent[0]))
                self._lost[rows] = True

    def _told(self, fields: Fields, size: Size, ids_name: str | None) -> dict[str, str]:
        """Return what was found, for a person."""
        files = {path for field in self._fields for path in field.paths}
        absent = sum(not os.path.isfile(path) for path in files)
        lost = f", of which {absent:,} {'is' if absent == 1 else 'are'} not there" if absent else ""
        unit = "arcseconds" if size.angular else "pixels"
        known = self._sizes[np.isfinite(self._sizes)]
        sides = "none" if not len(known) else f"{known.min():g} to {known.max():g} {unit}"
        return {
            "array": f"cutouts of {len(self):,} positions from {len(files):,} tiles{lost}",
            "tiles": fields.found,
            "cutouts": f"{sides if len(np.unique(known)) > 1 else f'{known[0]:g} {unit}'}, {size.source}"
            if len(known)
            else "of no size",
            "ids": "numbers of the rows" if ids_name is None else f"{ids_name!r}",
            "columns": few(list(self.columns.names)),
        }

    def _try_some(self) -> tuple[bytes, int]:
        """Cut some images; return a hash of their pixels, and how many bytes the largest has."""
        digest, largest = hashlib.sha256(), 0
        for index, image in self._records(self._some()):
            assert isinstance(image, NativeImage)
            digest.update(f"{index} {image.values.shape} ".encode() + image.values.tobytes())
            largest = max(largest, image.values.nbytes)
        if not largest:
            why = few(sorted(set(self.report.unreadable.values())))
            raise InputError(
                f"None of the cutouts tried in {self.path} can be cut ({why}). Give the folder of the "
                "tiles by --tiles."
            )
        return digest.digest(), largest

    def _digest(self, pixels: bytes) -> str:
        """Hash what is cut, from which tiles, and some pixels; see :meth:`RecordPool.fingerprint`."""
        digest = hashlib.sha256(f"catalogue {len(self)} {self._angular}".encode())
        digest.update(
            self.row_ids.digest.encode() if isinstance(self.row_ids, StoredIds) else self._rows.tobytes()
        )
        digest.update(self.positions.tobytes() + np.ascontiguousarray(self._sizes).tobytes())
        digest.update(self._field_of.tobytes())
        for path in (path for field in self._fields for path in field.paths):
            size = os.path.getsize(path) if os.path.isfile(path) else -1
            digest.update(f"{os.path.basename(path)} {size}\0".encode())
        digest.update(pixels)
        how = self.decoder
        digest.update(f"{how.rendering.digest} {how.hdu!r} {how.planes!r}".encode())
        return digest.hexdigest()

    def _some(self) -> np.ndarray:
        """Return some images from all over the pool, of those that were not found to be unreadable."""
        there = np.flatnonzero(~self._lost)
        usual = super()._some()
        if not len(there):
            return usual
        return there[np.unique(np.linspace(0, len(there) - 1, len(usual)).astype(np.int64))]


def _without_size(size: Size, rows: int) -> dict[int, str]:
    """Return row -> reason, of those whose size is none."""
    values = np.broadcast_to(size.values, rows)
    failed = dict.fromkeys(np.flatnonzero(~np.isfinite(values)).tolist(), "its size is missing")
    for row in np.flatnonzero(values <= 0).tolist():
        failed[row] = f"its size {values[row]:g} is not above 0"
    return failed
