"""Images of a pool with something painted into them, as a pool of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from anomalymatch_ui.pixels import NativeImage
from anomalymatch_ui.pixels.files import Content, Decoder
from anomalymatch_ui.pool.base import ImagePool, PoolReport, UnreadableImageError
from anomalymatch_ui.pool.ids import RowIds
from anomalymatch_ui.pool.records import RecordError, RecordPool


class PaintedPool(RecordPool):
    """Images that are painted when they are read; see :class:`~anomalymatch_ui.pool.ImagePool`.

    They are rendered as those of the pool. Their ids are numbers.

    Parameters
    ----------
    pool
        Whose images are painted into; it is not closed with this one.
    hosts
        Pool index of each image, int64 ``(n,)``; one may occur several times.
    paint
        Takes the number of an image and its host, and returns it painted, each time the same.
    made_by
        Says all that ``paint`` depends on: other texts, other digests.
    """

    def __init__(
        self,
        pool: ImagePool,
        hosts: np.ndarray,
        paint: Callable[[int, NativeImage], NativeImage],
        made_by: str,
    ) -> None:
        self.path, self.name = pool.path, f"{pool.name}, painted"
        self.ids = self.row_ids = RowIds(len(hosts))
        told = f"{pool.digest} {pool.rendering.digest} {hosts.tolist()} {made_by}"
        self.digest = hashlib.sha256(told.encode()).hexdigest()
        self.report = PoolReport(len(hosts))
        self.bands, self.rendering, self.pixels = pool.bands, pool.rendering, pool.pixels
        self.decoder = Decoder(pool.rendering)
        self._pool, self._hosts, self._paint = pool, hosts, paint

    def record(self, index: int) -> Content:
        """Paint one image."""
        try:
            host = self._pool.native(int(self._hosts[index]))
        except UnreadableImageError as error:
            raise RecordError(error.reason) from error
        return self._paint(index, host)

    def close(self) -> None:
        """Do nothing: the pool that is painted into stays open."""
