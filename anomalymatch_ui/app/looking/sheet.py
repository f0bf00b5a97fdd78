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

from anomalymatch_ui.app.looking.natives import Natives, Reader
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels import Rendering
from anomalymatch_ui.pool import ImagePool

JPEG_QUALITY = 92
JPEG_BLOCK = 8
"""Side of a block of a JPEG without chroma subsampling, in pixels. No block holds two images."""

EDGE = 1
"""Pixels at least that are repeated around each image: where a browser shrinks a picture by a broken number,
its outermost pixels are mixed with those, and not with another image."""

_CELLS = (64, 96, 128, 192, 256, 384, 512)

THUMBNAILS = (64, 256)
"""Least and greatest side of a thumbnail on the screen, in CSS pixels."""

SHEET_PIXELS = 16_000_000
"""Pixels of a sheet at most: JPEG codecs do about 10^8 a second, and a page must turn at once."""


def cell_side(native: int, thumbnail: int, pixel_ratio: float = 1.0, cards: int = 60) -> int:
    """Choose the side of an image on the sheet, in sheet pixels.

    Small images are sent as they are and magnified in the browser by whole numbers, so that each of their
    pixels stays a sharp square. Larger ones come in few sizes, so that a small change of the thumbnail
    needs no new sheet.

    Parameters
    ----------
    native
        Side of the image, in its own pixels.
    thumbnail
        Side on the screen, in CSS pixels.
    pixel_ratio
        Pixels of the screen for each CSS pixel; 1 to 2 is made use of.
    cards
        Images on the sheet.
    """
    if native <= min(thumbnail * 5 // 4, THUMBNAILS[1]):
        return native
    needed = thumbnail * min(max(pixel_ratio, 1.0), 2.0)
    side = next((step for step in _CELLS if step >= needed), _CELLS[-1])
    return min(native, side, math.isqrt(SHEET_PIXELS // max(cards, 1)))


@dataclass(frozen=True, slots=True)
class Sheet:
    """A contact sheet.

    Attributes
    ----------
    jpeg
        The encoded sheet; empty if there are no images.
    readable
        For each image, in order, whether it could be read. Cells of the others are black.
    cell
        Side of an image on the sheet, in sheet pixels.
    pitch
        Distance between the left (and upper) edges of two images, in sheet pixels.
    columns
        Images in a row of the sheet.
    """

    jpeg: bytes
    readable: tuple[bool, ...]
    cell: int
    pitch: int
    columns: int

    @property
    def layout(self) -> dict[str, int]:
        """Where the images lie, as the browser is told: ``inset`` is left of the first, and above it."""
        return {"cell": self.cell, "pitch": self.pitch, "inset": self.inset, "columns": self.columns}

    @property
    def inset(self) -> int:
        """Distance of the first image from the left (and upper) edge of the sheet, in sheet pixels."""
        return (self.pitch - self.cell) // 2


def native_side(pool: ImagePool, samples: int = 3) -> int:
    """Return the usual side of the pool's images: the median over the first few that can be read."""
    sides: list[int] = []
    for index in range(min(len(pool), 20)):
        try:
            height, width, _ = pool.image(index).shape
        except InputError:
            continue
        sides.append(min(height, width))
        if len(sides) == samples:
            break
    return max(16, round(statistics.median(sides))) if sides else 128


def contact_sheet(pool: Reader, indices: Sequence[int], cell: int) -> Sheet:
    """Read images and lay them out, row by row, on one JPEG (4:4:4, so that colours stay where they are)."""
    columns = max(1, math.ceil(math.sqrt(len(indices))))
    pitch = math.ceil((cell + 2 * EDGE) / JPEG_BLOCK) * JPEG_BLOCK
    if not len(indices):
        return Sheet(b"", (), cell, pitch, columns)
    batch = pool.read(np.asarray(indices, dtype=np.int64), cell)
    images = dict(zip(batch.indices.tolist(), batch.pixels, strict=True))
    before = (pitch - cell) // 2
    around = (before, pitch - cell - before)
    canvas = np.zeros((math.ceil(len(indices) / columns) * pitch, columns * pitch, 3), dtype=np.uint8)
    for position, index in enumerate(indices):
        if index in images:
            row, column = divmod(position, columns)
            # Repeating the edge also keeps the JPEG from ringing there.
            padded = np.pad(images[index].transpose(1, 2, 0), (around, around, (0, 0)), mode="edge")
            canvas[row * pitch : (row + 1) * pitch, column * pitch : (column + 1) * pitch] = padded
    buffer = io.BytesIO()
    Image.fromarray(canvas).save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return Sheet(buffer.getvalue(), tuple(index in images for index in indices), cell, pitch, columns)


def _may_be_better_now(made: Future[Sheet]) -> bool:
    """Return whether a sheet has failed or shows an image that could not be read, as when a disk was away."""
    return made.done() and (
        made.cancelled() or made.exception() is not None or not all(made.result().readable)
    )


class SheetMaker:
    """Makes sheets in threads and keeps the last few, so that the next page is there before it is asked for.

    Parameters
    ----------
    natives
        Native values of the images.
    kept
        Sheets held at most; a page of 60 images of 128 px is about 0.3 MB.
    """

    def __init__(self, natives: Natives, kept: int = 8) -> None:
        self._natives = natives
        self._kept = kept
        self._sheets: OrderedDict[tuple[tuple[int, ...], int, str], Future[Sheet]] = OrderedDict()
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="contact-sheet")

    def request(self, indices: Sequence[int], cell: int, rendering: Rendering) -> Future[Sheet]:
        """Return the sheet of these images in a rendering, being made or ready."""
        key = (tuple(indices), cell, rendering.digest)
        if key not in self._sheets or _may_be_better_now(self._sheets[key]):
            reader = self._natives.rendered(rendering)
            self._sheets[key] = self._threads.submit(contact_sheet, reader, key[0], cell)
        self._sheets.move_to_end(key)
        while len(self._sheets) > self._kept:
            self._sheets.popitem(last=False)[1].cancel()
        return self._sheets[key]

    def close(self) -> None:
        """Stop the threads; sheets being made are finished first."""
        self._threads.shutdown(cancel_futures=True)
