"""A pool's images rendered as a person chooses, which need not be as the network sees them."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from anomalymatch_ui.pixels import GREY, RGB, NativeImage, PixelError, Rendering
from anomalymatch_ui.pixels.limits import Limits
from anomalymatch_ui.pixels.square import square
from anomalymatch_ui.pool import Batch, ImagePool, UnreadableImageError

KEPT_BYTES = 256 * 2**20
"""Of native values in memory: 100 cutouts of 128 x 128 pixels in three bands of float32 are 20 MB."""

_LIMITS_KEPT = 20_000
_THREADS = 4  # what NumPy computes lets others compute, too
_SAMPLES = 3
_TRIED = 20


class Reader(Protocol):
    """Whatever gives the squares of a page; a pool does."""

    def read(self, indices: Sequence[int] | np.ndarray, size: int) -> Batch:
        """Read the central squares of some images; see :meth:`ImagePool.read`."""


class Natives:
    """Native values of a pool's images; those used last are kept, so that another rendering reads no file.

    Its methods may be called from several threads.

    Parameters
    ----------
    pool
        Where the images are.
    kept_bytes
        Of values in memory, at most.
    """

    def __init__(self, pool: ImagePool, kept_bytes: int = KEPT_BYTES) -> None:
        self._pool = pool
        self._kept_bytes = kept_bytes
        self._images: OrderedDict[int, NativeImage] = OrderedDict()
        self._bytes = 0
        self._limits: OrderedDict[tuple[int, Rendering], tuple[Limits, ...]] = OrderedDict()
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1), "natives")

    def image(self, index: int) -> NativeImage:
        """Return the native values of an image, in all its bands; raises ``UnreadableImageError``."""
        with self._lock:
            if index in self._images:
                self._images.move_to_end(index)
                return self._images[index]
        image = self._pool.native(index)
        with self._lock:
            if index not in self._images:
                self._images[index] = image
                self._bytes += _size(image)
            while self._bytes > self._kept_bytes:
                self._bytes -= _size(self._images.popitem(last=False)[1])
        return image

    def picture(self, index: int, rendering: Rendering, limiting: Rendering) -> np.ndarray:
        """Return an image in a rendering; limits that it was shown between before are not looked for again.

        Parameters
        ----------
        index
            Index of the image.
        rendering
            Bound to the bands of the pool.
        limiting
            :attr:`Rendering.limiting` of it.

        Raises
        ------
        UnreadableImageError
            If it cannot be read, or lacks a band.
        """
        image, key = self.image(index), (index, limiting)
        try:
            limits = self._limits.get(key)
            if limits is None:
                limits = rendering.limits_of(image)
                with self._lock:
                    self._limits[key] = limits
                    while len(self._limits) > _LIMITS_KEPT:
                        self._limits.popitem(last=False)
            return rendering.picture(image, limits)
        except PixelError as error:
            raise UnreadableImageError(self._pool.ids[index], str(error)) from error

    def close(self) -> None:
        """Stop the threads; what is being read is finished first."""
        self._threads.shutdown(cancel_futures=True)

    def rendered(self, rendering: Rendering) -> Reader:
        """Return what reads the images in a rendering; in the pool's own it is the pool.

        Parameters
        ----------
        rendering
            Bound to the bands of the pool.
        """
        if rendering == self._pool.rendering:
            return self._pool
        return _Rendered(self, self._pool, self._threads, rendering)


@dataclass(frozen=True, slots=True)
class _Rendered:
    natives: Natives
    pool: ImagePool
    threads: ThreadPoolExecutor
    rendering: Rendering

    def read(self, indices: Sequence[int] | np.ndarray, size: int) -> Batch:
        """Read the central squares of some images; those that cannot be shown so are left out and noted."""
        asked = np.asarray(indices, np.int64)
        pixels = np.empty((len(asked), 3, size, size), np.uint8)
        limiting = self.rendering.limiting

        def draw(place: int) -> bool:
            try:
                picture = self.natives.picture(int(asked[place]), self.rendering, limiting)
            except UnreadableImageError as error:
                self.pool.report.note(error.image_id, error.reason)
                return False
            pixels[place] = square(picture, size)
            return True

        readable = np.fromiter(self.threads.map(draw, range(len(asked))), bool, len(asked))
        self.pool.report.clear(self.pool.ids[index] for index in asked[readable].tolist())
        return Batch(asked[readable], pixels[readable])


def holds_native_values(pool: ImagePool) -> bool:
    """Return whether the images hold more than a picture's 8 bits, so that they can be stretched anew."""
    if not pool.rendering.is_plain or pool.bands.names not in (RGB.names, GREY.names):
        return True
    return any(image.values.dtype != np.uint8 for image in samples(pool))


def samples(pool: ImagePool) -> list[NativeImage]:
    """Return the first few images of a pool that can be read."""
    found: list[NativeImage] = []
    for index in range(min(len(pool), _TRIED)):
        try:
            found.append(pool.native(index))
        except UnreadableImageError:  # noted when it is to be shown
            continue
        if len(found) == _SAMPLES:
            break
    return found


def _size(image: NativeImage) -> int:
    return image.values.nbytes + (0 if image.bad is None else image.bad.nbytes)
