"""Pools whose images are records of their own, each an image's file or an array of its own size."""

from __future__ import annotations

import hashlib
import io
import os
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from PIL import Image

from anomalymatch_ui.config import PixelsConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels import RGB, Bands, NativeImage, PixelError, View
from anomalymatch_ui.pixels.files import AS_PICTURES, DECODE_ERRORS, Content, Decoder, Remark, why_unreadable
from anomalymatch_ui.pixels.square import square
from anomalymatch_ui.pixels.stack import rendered_in_runs
from anomalymatch_ui.pool.base import (
    Batch,
    Fetched,
    UnreadableImageError,
    check_indices,
    few,
    split_into_shards,
)
from anomalymatch_ui.pool.closed import PoolClosedError
from anomalymatch_ui.pool.numbered import NumberedPool

Decoded = TypeVar("Decoded")

_RECORDS_IN_DIGEST = 8


class RecordError(Exception):
    """Why a record is no image: a sentence fragment."""


class RecordPool(NumberedPool):
    """Images that are read one by one; see :class:`~anomalymatch_ui.pool.ImagePool`.

    A format opens its file, sets the attributes, and says how to read one record.

    Attributes
    ----------
    decoder
        Decodes and renders records.
    """

    block_images = 1
    concurrent = True
    bands = RGB
    decoder = AS_PICTURES

    @abstractmethod
    def record(self, index: int) -> Content:
        """Read one record.

        Returns
        -------
        bytes, tuple of bytes or NativeImage
            An image's file, or a file for each band; or the image itself, of which there is no file.

        Raises
        ------
        RecordError
            If it is no image.
        PoolClosedError
            If the pool was closed.
        Exception
            Of any other kind, if it cannot be read.
        """

    def read(self, indices: Sequence[int] | np.ndarray, size: int, view: View = "picture") -> Batch:
        """Read the central squares of some images; see :meth:`ImagePool.read`."""
        asked = check_indices(indices, len(self))
        pixels = np.empty((len(asked), self.rendering.channels_of(view), size, size), np.uint8)
        readable = np.zeros(len(asked), bool)
        for place, image in rendered_in_runs(self.rendering, self._opened(asked, size, view), view):
            if isinstance(image, Exception):
                self.report.note(self.ids[int(asked[place])], why_unreadable(image))
                continue
            pixels[place] = square(image, size)
            readable[place] = True
        self.report.clear(self.ids[index] for index in asked[readable].tolist())
        if readable.all():
            return Batch(asked.copy(), pixels)
        return Batch(asked[readable], pixels[readable])

    def fetch(self, indices: Sequence[int] | np.ndarray) -> Fetched:
        """Read the records of some images; see :meth:`ImagePool.fetch`."""
        asked = check_indices(indices, len(self))
        found = dict(self._records(np.unique(asked)))
        kept = [index for index in asked.tolist() if index in found]
        return Fetched(np.array(kept, np.int64), [found[index] for index in kept], self.decoder)

    def image(self, index: int) -> np.ndarray:
        """Read one whole image; see :meth:`ImagePool.image`."""
        picture = self._decoded(index, lambda record: self.decoder.picture(record, None, self._remark(index)))
        return np.array(picture)

    def native(self, index: int) -> NativeImage:
        """Read the native values of one whole image, in all its bands; raises as :meth:`image`."""
        return self._decoded(index, self.decoder.native)

    def _opened(
        self, asked: np.ndarray, size: int, view: View
    ) -> Iterator[tuple[int, Image.Image | NativeImage]]:
        """Decode images by their places among those asked for, but do not render them yet."""
        # In the order of the file, of which parts may be read as a whole.
        for place in np.argsort(asked, kind="stable").tolist():
            for index, record in self._records(asked[place : place + 1]):
                try:
                    yield place, self.decoder.opened(record, view, size, self._remark(index))
                except DECODE_ERRORS as error:
                    self.report.note(self.ids[index], why_unreadable(error))

    def _decoded(self, index: int, decode: Callable[[Content], Decoded]) -> Decoded:
        (checked,) = check_indices([index], len(self)).tolist()
        image_id = self.ids[checked]
        for _, record in self._records(np.array([checked])):
            try:
                image = decode(record)
            except DECODE_ERRORS as error:
                reason = why_unreadable(error)
                self.report.note(image_id, reason)
                raise UnreadableImageError(image_id, reason) from error
            self.report.clear([image_id])
            return image
        raise UnreadableImageError(image_id, self.report.unreadable.get(image_id, "damaged"))

    def _remark(self, index: int) -> Remark:
        return lambda text: self.report.remark(self.ids[index], text)

    def look(self, pixels: PixelsConfig, bands: Bands | None = None) -> None:
        """Find the bands of the images by some of them, and set how all are shown.

        Parameters
        ----------
        pixels
            How the images are read and rendered.
        bands
            Bands of the images, whose files are those of single bands; looked for if not given.

        Raises
        ------
        InputError
            If they lack a band that is asked for.
        """
        self.pixels = pixels
        files = () if bands is None else bands.names
        reading = Decoder(hdu=pixels.hdu, planes=pixels.planes, files=files, largest=pixels.largest)
        self.bands = self._usual_bands(reading) if bands is None else bands
        try:
            self.rendering = pixels.rendering.bound(self.bands)
        except PixelError as error:
            raise InputError(f"The images in {self.path} cannot be shown so: {error}.") from error
        self.decoder = replace(reading, rendering=self.rendering)

    def _usual_bands(self, reading: Decoder) -> Bands:
        """Return the bands that most of some images have; grey and colour go together."""
        found: list[Bands] = []
        for _, record in self._records(self._some()):
            try:
                found.append(reading.native(record).bands)
            except DECODE_ERRORS:  # said when the image is read
                continue
        if not found:
            return RGB
        fits = [bands for bands in found if bands.have(self.pixels.bands or ())] or found
        kinds = [RGB if len(bands) == 1 or bands.names == RGB.names else bands for bands in fits]
        usual, _ = Counter(bands.names for bands in kinds).most_common(1)[0]
        return next(bands for bands, kind in zip(fits, kinds, strict=True) if kind.names == usual)

    def _some(self) -> np.ndarray:
        return np.unique(np.linspace(0, len(self) - 1, _RECORDS_IN_DIGEST).astype(np.int64))

    def shards(self, size: int) -> Iterator[range]:
        """Return the indices of all images in ranges of ``size``."""
        return split_into_shards(len(self), size)

    def any_there(self, indices: Sequence[int] | np.ndarray) -> bool:
        """Return whether the file is there; see :meth:`ImagePool.any_there`."""
        check_indices(indices, len(self))
        return os.path.exists(self.path)

    def _records(self, asked: np.ndarray) -> Iterator[tuple[int, Content]]:
        """Read records; those that cannot be are noted in the report and left out."""
        for index in asked.tolist():
            reason = self.failed.get(index)
            if reason is None:
                try:
                    yield index, self.record(index)
                    continue
                except RecordError as error:
                    reason = str(error)
                except PoolClosedError:
                    raise
                except Exception as error:  # noqa: BLE001 - of a codec, which may raise a kind of its own
                    reason = why_unreadable(error)
            self.report.note(self.ids[index], reason)

    def fingerprint(self, kind: str, advice: str) -> str:
        """Hash the number of records and some of them; see :meth:`ArrayPool.fingerprint`.

        Raises
        ------
        InputError
            If none can be read.
        """
        digest = hashlib.sha256(f"{kind} {len(self)}".encode())
        readable = 0
        for index, record in self._records(self._some()):
            for content in _parts(record):
                digest.update(f"{index} {len(content)} ".encode() + content)
            readable += 1
        if not readable:
            why = few(sorted(set(self.report.unreadable.values())))
            raise InputError(f"None of the images tried in {self.path} can be read ({why}): {advice}")
        if self.decoder != AS_PICTURES:
            how = self.decoder
            digest.update(f"{how.rendering.digest} {how.hdu!r} {how.planes!r} {how.files!r}".encode())
        return digest.hexdigest()


def _parts(record: Content) -> tuple[bytes, ...]:
    if isinstance(record, NativeImage):
        return (record.values.tobytes(),)
    return (record,) if isinstance(record, bytes) else record


def as_file(image: np.ndarray) -> bytes:
    """Return an image ``(height, width, bands)`` as the bytes of an NPY file, which :class:`Decoder` reads.

    A colour picture keeps its bands last, by which it is known; others have them first.
    """
    is_picture = image.dtype == np.uint8 and image.shape[2] in (1, 3)
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(image if is_picture else image.transpose(2, 0, 1)), allow_pickle=False)
    return file.getvalue()
