"""A FITS image of which only parts are read, as a survey's tile is: it may hold a billion pixels."""

from __future__ import annotations

import io
import mmap
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from anomalymatch_ui.pixels.fits import (
    bands_of,
    choose_hdus,
    joined,
    marked_bits,
    masks_of,
    native_values,
    raw_values,
)
from anomalymatch_ui.pixels.fitsheader import Hdu, read_hdus
from anomalymatch_ui.pixels.spec import NativeImage, PixelError

_SECTIONS_FIRST = 12
"""After so many parts of a compressed image all of it is unpacked: 64 of 4,096 rows cost a 20th of it."""


class FitsTile:
    """An image in a FITS file, of the HDUs and bands of :func:`~anomalymatch_ui.pixels.fits.read_fits`.

    Its methods may be called from several threads. The file is let go of with the object and the arrays read.

    Parameters
    ----------
    content
        The file, mapped into memory; or its bytes, where it had to be unpacked as a whole.
    path
        Path of the file; ``None`` if ``content`` was unpacked from it.
    hdus, planes
        As for :func:`~anomalymatch_ui.pixels.fits.read_fits`.
    memory
        A compressed image that takes no more bytes is unpacked as a whole once many parts were read.
    grown
        Called when that was done.

    Attributes
    ----------
    bands
        Bands of its planes.
    height, width
        In pixels.

    Raises
    ------
    PixelError
        If it has no such image.
    """

    def __init__(
        self,
        content: bytes | mmap.mmap,
        path: str | None,
        hdus: Sequence[int | str] | None = None,
        planes: Sequence[str] | None = None,
        memory: int = 0,
        grown: Callable[[], None] = lambda: None,
    ) -> None:
        self._content = content
        self._path = path
        self._memory = memory
        self._grown = grown
        self._there = list(read_hdus(content))
        self._chosen, count = choose_hdus(self._there, hdus, None)
        self.bands = bands_of(self._chosen, count, planes, hdus)
        self.height, self.width = self._chosen[0].shape[-2:]
        self._masks = list(masks_of(self._there, self._chosen, self.bands))
        self._lock = threading.Lock()
        self._packed: Any = None
        self._sections = 0
        self._raw = {
            hdu.index: raw_values(content, hdu).reshape(-1, *hdu.shape[-2:])
            for hdu in (*self._chosen, *(hdu for hdu, _ in self._masks))
            if not hdu.is_compressed
        }

    @property
    def memory(self) -> int:
        """Bytes that it holds in memory; a mapped file counts for nothing."""
        held = len(self._content) if isinstance(self._content, bytes) else 0
        return held + sum(array.nbytes for array in self._raw.values() if array.base is None)

    def headers(self) -> list[Any]:
        """Return the headers that may say where on the sky its pixels are, astropy's, the likeliest first.

        The first is that of the image; the primary one may say what all extensions have in common.
        """
        from astropy.io import fits

        first = self._chosen[0]
        if first.is_compressed:
            with self._lock:
                headers = [self._opened()[first.index].header.copy()]
        else:
            headers = [self._header(first)]
        return headers if first.index == 0 else [*headers, fits.Header(self._header(self._there[0]))]

    def section(self, top: int, bottom: int, left: int, right: int) -> NativeImage:
        """Read the rows from ``top`` to ``bottom - 1`` and the columns from ``left`` to ``right - 1``.

        They must lie within the image.

        Returns
        -------
        NativeImage
            Scaled by BSCALE and BZERO, with BLANK and masks marked.

        Raises
        ------
        PixelError
            If a compressed image is damaged.
        """
        rows, columns = slice(top, bottom), slice(left, right)
        values, bad = joined([self._section(hdu, rows, columns) for hdu in self._chosen])
        for hdu, places in self._masks:
            bits = self._section(hdu, rows, columns)[0][0].astype(np.int64)
            marked = marked_bits(bits, hdu)
            if marked.any():
                bad = np.zeros(values.shape, bool) if bad is None else bad.copy()
                bad[places] |= marked
        if values.base is not None or not values.flags.c_contiguous:
            values = np.array(values, order="C")  # of its own: no view that keeps the file
        return NativeImage(values, bad, self.bands)

    def _section(self, hdu: Hdu, rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray | None]:
        raw = self._raw.get(hdu.index)
        raw = self._unpacked(hdu, rows, columns) if raw is None else raw[:, rows, columns]
        return native_values(raw, hdu)

    def _unpacked(self, hdu: Hdu, rows: slice, columns: slice) -> np.ndarray:
        """Return a part of a compressed HDU, ``(planes, height, width)``."""
        shape = (-1, *hdu.shape[-2:])
        with self._lock:  # astropy reads by one position in the file
            if hdu.index in self._raw:  # unpacked while this waited
                return self._raw[hdu.index][:, rows, columns]
            try:
                section = self._opened()[hdu.index].section
                self._sections += 1
                size = int(np.prod(hdu.shape)) * abs(hdu.bitpix) // 8
                if self._sections > _SECTIONS_FIRST and size * len(self._chosen) <= self._memory:
                    whole = np.asarray(section[...]).reshape(shape)
                    self._raw[hdu.index] = whole if whole.base is None else whole.copy()
                    self._grown()
                    return self._raw[hdu.index][:, rows, columns]
                # Slices only: lists of rows give one pixel.
                axes = section.shape
                part = (*(slice(0, length) for length in axes[:-2]), rows, columns)
                return np.asarray(section[part]).reshape(
                    -1, rows.stop - rows.start, columns.stop - columns.start
                )
            except Exception as error:  # the codecs of damaged tiles raise all kinds
                raise PixelError(f"its compressed image cannot be unpacked: {error}") from error

    def _opened(self) -> Any:
        """Return the file as astropy opens it; scaling is ours, which knows BLANK beside BZERO."""
        if self._packed is None:
            from astropy.io import fits

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of headers that are not quite the standard's
                self._packed = fits.open(
                    io.BytesIO(bytes(self._content)) if self._path is None else self._path,
                    do_not_scale_image_data=True,
                )
        return self._packed

    def _header(self, hdu: Hdu) -> Any:
        from astropy.io import fits

        text = self._content[hdu.place : hdu.start].decode("ascii", "replace")
        return fits.Header.fromstring(text)
