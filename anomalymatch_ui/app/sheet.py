"""Contact sheets: all the images of a page in one JPEG.

Two hundred pictures sent as separate widgets are 2,402 messages and 1.6 s; as one sheet they are one
message and 0.06 s.
"""

from __future__ import annotations

import io
import math
import statistics
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import ImagePool

JPEG_QUALITY = 92
JPEG_BLOCK = 16
"""Cells start at multiples of it, in pixels, so that no JPEG block mixes two images."""

TARGET = 128
"""Side of a thumbnail on the screen, in CSS pixels, as far as whole multiples allow."""


@dataclass(frozen=True, slots=True)
class CellSize:
    """How large images are on the sheet and on the screen.

    Attributes
    ----------
    cell
        Side of an image on the sheet, in sheet pixels.
    thumbnail
        Side of an image on the screen, in CSS pixels. Small images are magnified by whole numbers, so
        that each of their pixels stays a sharp square.
    """

    cell: int
    thumbnail: int

    @classmethod
    def fitting(cls, native: int, pixel_ratio: float = 1.0) -> CellSize:
        """Choose sizes for images of ``native`` pixels on a screen of ``pixel_ratio`` (1 to 2 used)."""
        if native <= TARGET * 5 // 4:
            return cls(native, native * max(1, round(TARGET / native)))
        return cls(min(native, round(TARGET * min(max(pixel_ratio, 1.0), 2.0))), TARGET)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A contact sheet.

    Attributes
    ----------
    jpeg
        The encoded sheet; empty if there are no images.
    readable
        For each image, in order, whether it could be read. Cells of the others are black.
    size
        Sizes of the cells.
    pitch
        Distance between the left (and upper) edges of two cells, in sheet pixels.
    columns
        Cells in a row of the sheet.
    """

    jpeg: bytes
    readable: tuple[bool, ...]
    size: CellSize
    pitch: int
    columns: int


def native_side(pool: ImagePool, samples: int = 3) -> int:
    """Give the usual side of the pool's images: the median over the first few that can be read."""
    sides: list[int] = []
    for index in range(min(len(pool), 20)):
        try:
            height, width, _ = pool.image(index).shape
        except InputError:
            continue
        sides.append(min(height, width))
        if len(sides) == samples:
            break
    return max(16, round(statistics.median(sides))) if sides else TARGET


def contact_sheet(pool: ImagePool, indices: Sequence[int], size: CellSize) -> Sheet:
    """Read images and lay them out, row by row, on one JPEG (4:4:4, so that colours stay where they are)."""
    columns = max(1, math.ceil(math.sqrt(len(indices))))
    pitch = math.ceil(size.cell / JPEG_BLOCK) * JPEG_BLOCK
    if not len(indices):
        return Sheet(b"", (), size, pitch, columns)
    batch = pool.read(np.asarray(indices, dtype=np.int64), size.cell)
    images = dict(zip(batch.indices.tolist(), batch.pixels, strict=True))
    margin = pitch - size.cell
    canvas = np.zeros((math.ceil(len(indices) / columns) * pitch, columns * pitch, 3), dtype=np.uint8)
    for position, index in enumerate(indices):
        if index in images:
            row, column = divmod(position, columns)
            # Repeating the edge into the margin keeps the JPEG from ringing there.
            cell = np.pad(images[index].transpose(1, 2, 0), ((0, margin), (0, margin), (0, 0)), mode="edge")
            canvas[row * pitch : (row + 1) * pitch, column * pitch : (column + 1) * pitch] = cell
    buffer = io.BytesIO()
    Image.fromarray(canvas).save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return Sheet(buffer.getvalue(), tuple(index in images for index in indices), size, pitch, columns)


class SheetMaker:
    """Makes sheets in threads and keeps the last few, so that the next page is there before it is asked for.

    Parameters
    ----------
    pool
        Where the images are.
    kept
        Sheets held at most; a page of 60 images of 128 px is about 0.3 MB.
    """

    def __init__(self, pool: ImagePool, kept: int = 8) -> None:
        self._pool = pool
        self._kept = kept
        self._sheets: OrderedDict[tuple[tuple[int, ...], CellSize], Future[Sheet]] = OrderedDict()
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="contact-sheet")

    def request(self, indices: Sequence[int], size: CellSize) -> Future[Sheet]:
        """Give the sheet of these images, being made or ready."""
        key = (tuple(indices), size)
        if key not in self._sheets:
            self._sheets[key] = self._threads.submit(contact_sheet, self._pool, key[0], size)
        self._sheets.move_to_end(key)
        while len(self._sheets) > self._kept:
            self._sheets.popitem(last=False)[1].cancel()
        return self._sheets[key]

    def close(self) -> None:
        """Stop the threads; sheets being made are finished first."""
        self._threads.shutdown(cancel_futures=True)
