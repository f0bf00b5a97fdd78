"""Pools whose images are the rows of one array in a file."""

from __future__ import annotations

import hashlib
import math
import os
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from anomalymatch_ui.config import PixelsConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels import (
    GREY,
    NO_GOOD_PIXEL,
    RGB,
    Bands,
    NativeImage,
    PixelError,
    View,
)
from anomalymatch_ui.pixels.largest import check_size
from anomalymatch_ui.pixels.square import squares
from anomalymatch_ui.pixels.stack import rendered_stack
from anomalymatch_ui.pool.base import (
    Batch,
    Fetched,
    UnreadableImageError,
    check_indices,
    few,
    split_into_shards,
)
from anomalymatch_ui.pool.layout import Layout
from anomalymatch_ui.pool.numbered import NumberedPool

# Images in their full size are held only this many bytes at a time.
_BLOCK_BYTES = 32 * 2**20

# Fetched at one time: large enough that a call into a library of files does not count (2 ms a call of
# Zarr's), small enough that a dozen of them, under way at one time, are not felt.
_FETCH_BYTES = 4 * 2**20

_ROWS_IN_DIGEST = 8


class ArrayPool(NumberedPool):
    """Rows of an array of images; see :class:`~anomalymatch_ui.pool.ImagePool`.

    A format opens its file, sets the attributes, and says how to read consecutive rows.

    Attributes
    ----------
    layout
        How images lie in a row.
    dtype
        Dtype of the rows as they are read, in the machine's byte order.
    row_shape
        Of a row, as the file has it.
    chunk_images
        How many rows are packed together, and damaged together.
    damage
        Why a row cannot be read, a sentence fragment.
    """

    layout: Layout
    dtype: np.dtype
    row_shape: tuple[int, ...]
    chunk_images: int
    damage = "damaged"

    @abstractmethod
    def read_run(self, first: int, out: np.ndarray) -> Mapping[int, str] | None:
        """Read rows from ``first`` on into ``out``, of the shape ``(n, *row_shape)``.

        Returns
        -------
        dict or None
            Place in ``out`` -> reason, of the rows that are no images; ``None`` if some could not be read,
            it is not known which, and what ``out`` holds does not depend on what it held before.
        """

    def any_there(self, indices: Sequence[int] | np.ndarray) -> bool:
        """Return whether the file or the store is there; see :meth:`ImagePool.any_there`."""
        check_indices(indices, len(self))
        return os.path.exists(self.path)

    def read(self, indices: Sequence[int] | np.ndarray, size: int, view: View = "picture") -> Batch:
        """Read the central squares of some images; see :meth:`ImagePool.read`."""
        asked = check_indices(indices, len(self))
        pixels = np.empty((len(asked), self.rendering.channels_of(view), size, size), np.uint8)
        readable = np.ones(len(asked), bool)
        ascending = np.argsort(asked, kind="stable")
        for block in split_into_shards(len(asked), max(1, _BLOCK_BYTES // self.row_bytes)):
            places = ascending[block.start : block.stop]
            rows, which = np.unique(asked[places], return_inverse=True)
            images, intact = self._rows(rows)
            shown = squares(self._shown(images, view), size).transpose(0, 3, 1, 2)
            if len(rows) < len(places):  # some are asked for twice
                shown, intact = shown[which], intact[which]
            # A slice, as of images in the order of the file, is copied at once.
            in_order = bool((np.diff(places) == 1).all())
            pixels[slice(places[0], places[-1] + 1) if in_order else places] = shown
            readable[places] = intact
        if readable.all():
            return Batch(asked.copy(), pixels)
        return Batch(asked[readable], pixels[readable])

    def fetch(self, indices: Sequence[int] | np.ndarray) -> Fetched:
        """Read the rows of some images; see :meth:`ImagePool.fetch`."""
        asked = check_indices(indices, len(self))
        rows, which = np.unique(asked, return_inverse=True)
        images, intact = self._rows(rows)
        images = self._shown(images, "network")
        if not np.array_equal(rows, asked):
            images, intact = images[which], intact[which]
        if intact.all():
            return Fetched(asked.copy(), images)
        return Fetched(asked[intact], images[intact])

    def image(self, index: int) -> np.ndarray:
        """Read one whole image; see :meth:`ImagePool.image`."""
        pixels: np.ndarray = self._shown(self._row(index)[np.newaxis], "picture")[0]
        return pixels

    def shards(self, size: int) -> Iterator[range]:
        """Return the indices of all images in ranges of ``size``."""
        return split_into_shards(len(self), size)

    def native(self, index: int) -> NativeImage:
        """Read the native values of one whole image, in all its bands; raises as :meth:`image`."""
        return self._native(self._row(index))

    @property
    def row_bytes(self) -> int:
        """Bytes of one image as it lies in the file, or as it is shown if that takes more."""
        shown = max(3, self.rendering.channels) * self.layout.height * self.layout.width
        return max(self.dtype.itemsize * math.prod(self.row_shape), shown)

    def render_as(self, pixels: PixelsConfig) -> None:
        """Set how images are shown, once their bands are known.

        Raises
        ------
        InputError
            If they lack a band that is asked for.
        """
        self.pixels = pixels
        try:
            check_size(self.layout.height, self.layout.width, self.layout.bands, pixels.largest)
            self.rendering = pixels.rendering.bound(self.bands)
        except PixelError as error:
            raise InputError(f"The images in {self.path} cannot be shown so: {error}.") from error

    def _row(self, index: int) -> np.ndarray:
        """Read one row; raises ``UnreadableImageError``."""
        (row,) = check_indices([index], len(self))
        images, intact = self._rows(np.array([row]))
        if not intact[0]:
            raise UnreadableImageError(self.ids[row], self.report.unreadable.get(self.ids[row], self.damage))
        image: np.ndarray = images[0]
        return image

    def _native(self, row: np.ndarray) -> NativeImage:
        return NativeImage(self.layout.bands_first(row[np.newaxis])[0], None, self.bands)

    @property
    def _is_shown_as_it_is(self) -> bool:
        return self.rendering.is_plain and self.dtype == np.uint8 and self.layout.bands in (1, 3)

    def _shown(self, rows: np.ndarray, view: View) -> np.ndarray:
        """Return rows as a person or the network sees them, uint8 ``(n, height, width, channels)``."""
        if self._is_shown_as_it_is:
            images = self.layout.bands_last(rows)
            return np.ascontiguousarray(images if images.shape[3] == 3 else images[..., [0, 0, 0]])
        return rendered_stack(self.rendering, self.layout.bands_first(rows), self.bands, view)

    def read_rows(self, rows: np.ndarray, out: np.ndarray) -> dict[int, str]:
        """Read ascending, different rows; return place -> reason, of those that are no images."""
        reasons: dict[int, str] = {}
        # Run by run: h5py's own list of rows took 690 ms for 1,000 scattered rows, this takes 35.
        starts = np.flatnonzero(np.diff(rows, prepend=-2) != 1).tolist()
        for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
            first = int(rows[start])
            found = self.read_run(first, out[start:stop])
            if found is None:
                found = self._read_chunks(first, out[start:stop])
            reasons.update((start + place, reason) for place, reason in found.items())
        return reasons

    def _rows(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read ascending, different rows; return them and which of them are images."""
        images = np.empty((len(rows), *self.row_shape), self.dtype)
        reasons = self.read_rows(rows, images)
        if self.failed:
            asked = enumerate(rows.tolist())
            reasons.update((place, self.failed[row]) for place, row in asked if row in self.failed)
        for place in _without_good_pixels(images).tolist():
            reasons.setdefault(place, NO_GOOD_PIXEL)
        intact = np.ones(len(rows), bool)
        intact[list(reasons)] = False
        for place, reason in reasons.items():
            self.report.note(self.ids[int(rows[place])], reason)
        self.report.clear(self.ids[row] for row in rows[intact].tolist())
        return images, intact

    def _read_chunks(self, first: int, out: np.ndarray) -> dict[int, str]:
        """Read rows from ``first`` on chunk by chunk, which are damaged as a whole or not at all."""
        reasons: dict[int, str] = {}
        start, stop = first, first + len(out)
        while start < stop:
            end = min(stop, (start // self.chunk_images + 1) * self.chunk_images)
            found = self.read_run(start, out[start - first : end - first])
            if found is None:
                found = dict.fromkeys(range(end - start), self.damage)
            reasons.update((start - first + place, reason) for place, reason in found.items())
            start = end
        return reasons

    def fingerprint(self, kind: str, advice: str) -> str:
        """Hash the shape and some images: every file has a row "0", so the ids do not tell files apart.

        Parameters
        ----------
        kind
            Kind of file.
        advice
            What to do if none of these images can be read, a sentence.

        Raises
        ------
        InputError
            If none can be read.
        """
        digest = hashlib.sha256(f"{kind} {(len(self), *self.row_shape)}".encode())
        rows = np.unique(np.linspace(0, len(self) - 1, _ROWS_IN_DIGEST).astype(np.int64))
        images, intact = self._rows(rows)
        if not intact.any():
            why = few(sorted(set(self.report.unreadable.values())))
            raise InputError(f"None of the images tried in {self.path} can be read ({why}): {advice}")
        images[~intact] = 0
        digest.update(images.tobytes())
        if not self._is_shown_as_it_is:
            digest.update(f"{self.bands.names} {self.rendering.digest}".encode())
        return digest.hexdigest()


def _without_good_pixels(rows: np.ndarray) -> np.ndarray:
    """Return the places of rows in which no value is a finite number."""
    if rows.dtype.kind != "f":
        return np.empty(0, np.int64)
    values = rows.reshape(len(rows), -1)
    doubtful: np.ndarray = np.flatnonzero(~np.isfinite(values[:, values.shape[1] // 2]))
    lost: np.ndarray = doubtful[~np.isfinite(values[doubtful]).any(axis=1)]
    return lost


def block_images(row_bytes: int, chunk_images: int) -> int:
    """Return how many images are best fetched at one time: whole chunks, and a few MB."""
    return chunk_images * max(1, _FETCH_BYTES // (chunk_images * row_bytes))


def band_names(given: object, layout: Layout, dtype: np.dtype) -> Bands:
    """Return the bands of images.

    Parameters
    ----------
    given
        Their names as a file has them, of any type; not used unless they are one text a band.
    layout, dtype
        Layout and dtype of the array.
    """
    if isinstance(given, str) and given:
        given = [name.strip() for name in given.split(",")] if "," in given else [given]
    values = [] if given is None else np.ravel(np.asarray(given, dtype=object)).tolist()
    names = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values]
    if len(names) == layout.bands and all(isinstance(name, str) and name.strip() for name in names):
        try:
            return Bands.named(*(name.strip() for name in names))
        except PixelError:  # two of one name tell nothing apart
            pass
    if layout.bands == 1:
        return GREY
    return RGB if layout.bands == 3 and dtype == np.uint8 else Bands.numbered(layout.bands)
