"""The bytes of an image file of any format -> native values, or an 8-bit picture as it is."""

from __future__ import annotations

import errno
import mmap
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, UnidentifiedImageError

from anomalymatch_ui.pixels.fits import describe_fits, read_fits
from anomalymatch_ui.pixels.largest import LARGEST, check_bytes, check_size, unpacked
from anomalymatch_ui.pixels.npy import MAGIC, read_npy
from anomalymatch_ui.pixels.pictures import deep_png, load_rgb, open_picture, pages, upright, without_text
from anomalymatch_ui.pixels.rendering import PLAIN, Rendering, View
from anomalymatch_ui.pixels.spec import GREY, NO_GOOD_PIXEL, RGB, Bands, NativeImage, PixelError, as_native
from anomalymatch_ui.pixels.tiff import is_tiff, read_tiff

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif")
"""File names of pictures, in small letters: all of their pixels are grey or red, green and blue."""

FITS = tuple(
    f"{suffix}{packed}" for suffix in (".fits", ".fit", ".fts") for packed in ("", ".gz", ".bz2", ".fz")
)
"""File names of FITS files, in small letters."""

SUFFIXES = (*PICTURES, ".tif", ".tiff", *FITS, ".npy")
"""File names of images, in small letters."""

DECODE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    MemoryError,
    Image.DecompressionBombError,
    # Header fields of an unexpected type or value, which Pillow's TIFF reader computes with unchecked.
    ArithmeticError,
    LookupError,
    TypeError,
)
"""What is raised about bytes that are no image, no whole image, or an unreasonably large one."""

Content = bytes | tuple[bytes, ...] | NativeImage
"""A file; of an image whose bands are files of their own, these; or an image that was read already."""

Remark = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Decoder:
    """How the files of a pool are read and rendered.

    Attributes
    ----------
    rendering
        Bound to the bands of the pool.
    hdu
        Which HDUs of FITS files; see :func:`~anomalymatch_ui.pixels.fits.read_fits`.
    planes
        Names for the planes of files that have none.
    files
        Where each band is a file of its own: the names of the bands, in the order of the files; else empty.
    largest
        Pixels that an image may have: one with more is not decoded. Decoders are equal whatever it is.
    """

    rendering: Rendering = PLAIN
    hdu: tuple[int | str, ...] | None = None
    planes: tuple[str, ...] | None = None
    files: tuple[str, ...] = ()
    largest: int = field(default=LARGEST, compare=False)

    def picture(
        self, content: Content, size: int | None = None, remark: Remark | None = None
    ) -> Image.Image | np.ndarray:
        """Decode what a person sees.

        Parameters
        ----------
        content
            The bytes of a file, or of one for each of :attr:`files`; or an image that was read already.
        size
            If given, a large JPEG may come out smaller than it is, but with no side under ``2 * size``.
        remark
            Told what is passed over, as a sentence fragment.

        Returns
        -------
        PIL.Image.Image or numpy.ndarray
            Loaded, of mode RGB; or uint8 ``(height, width, 3)``.

        Raises
        ------
        Exception
            One of :data:`DECODE_ERRORS`.
        """
        return self.rendered(content, "picture", size, remark)

    def rendered(
        self, content: Content, view: View, size: int | None = None, remark: Remark | None = None
    ) -> Image.Image | np.ndarray:
        """Decode what a person or the network sees.

        Parameters and errors are those of :meth:`picture`; the network's array is uint8
        ``(height, width, channels)``.
        """
        image = self.opened(content, view, size, remark)
        return image if isinstance(image, Image.Image) else self.rendering.rendered(image, view)

    def opened(
        self, content: Content, view: View, size: int | None = None, remark: Remark | None = None
    ) -> Image.Image | NativeImage:
        """Decode what :meth:`rendered` renders: a picture that is seen as it is, or native values."""
        plain = self.rendering.is_plain and (view == "picture" or self.rendering.network != "bands")
        image = self._read(content, size if plain else None, remark)
        return image if plain or isinstance(image, NativeImage) else _of_picture(image)

    def native(self, content: Content, remark: Remark | None = None) -> NativeImage:
        """Decode the native values; raises as :meth:`picture`."""
        image = self._read(content, None, remark)
        return _of_picture(image) if isinstance(image, Image.Image) else image

    def _read(self, content: Content, size: int | None, remark: Remark | None) -> Image.Image | NativeImage:
        try:
            image = self._read_all(content, size, remark)
        except DECODE_ERRORS:
            raise
        except Exception as error:  # of a codec, which may raise a kind of its own
            raise PixelError("damaged") from error
        if isinstance(image, NativeImage) and not image.has_good_pixels:
            raise PixelError(NO_GOOD_PIXEL)
        return image

    def _read_all(
        self, content: Content, size: int | None, remark: Remark | None
    ) -> Image.Image | NativeImage:
        if isinstance(content, NativeImage):
            return content
        if isinstance(content, bytes):
            return self._read_file(content, size, remark)
        planes = []
        for name, file in zip(self.files, content, strict=True):
            image = self._read_file(file, None, remark)
            native = _of_picture(image) if isinstance(image, Image.Image) else image
            if len(native.values) != 1:
                raise PixelError(f"its file of the band {name!r} has {len(native.values)} planes, not one")
            planes.append(native)
        return _stacked(planes, self.files)

    def _read_file(
        self, content: bytes, size: int | None, remark: Remark | None
    ) -> Image.Image | NativeImage:
        if not content:
            raise OSError(errno.ENODATA, "empty file")
        check_bytes(len(content), self.largest)
        if content.startswith((b"\x1f\x8b", b"BZh")):
            content = unpacked(content, self.largest)
        if content.startswith(b"SIMPLE  ="):
            return read_fits(content, self.hdu, self.planes, remark, self.largest)
        if content.startswith(MAGIC):
            return _of_array(read_npy(content), self.planes, self.largest)
        return _read_picture(content, size, self.planes, remark, self.largest)


AS_PICTURES = Decoder()
"""Shows pictures as they are."""


def of_rendered(channels: int) -> Decoder:
    """Return what reads images that were rendered for the network before, as NPY files of 8 bits."""
    if channels == 3:
        return AS_PICTURES
    names = GREY.names if channels == 1 else Bands.numbered(channels).names
    return Decoder(Rendering(bands=names[::-1], network="bands"))  # whose last is shown to the network first


def describe(content: bytes | mmap.mmap, decoder: Decoder) -> Bands:
    """Return the bands of an image file; of FITS only the headers are read. Raises as :class:`Decoder`."""
    if content[:9] == b"SIMPLE  =":
        return describe_fits(content, decoder.hdu, decoder.planes)
    check_bytes(len(content), decoder.largest)
    return decoder.native(content[:]).bands


def why_unreadable(error: BaseException) -> str:
    """Put an error of reading or decoding into words, a sentence fragment."""
    if isinstance(error, PixelError):
        return str(error)
    if isinstance(error, Image.DecompressionBombError | MemoryError):
        return "too large to be a cutout"
    if isinstance(error, UnidentifiedImageError):
        return "not an image of a known format"
    if isinstance(error, FileNotFoundError):
        return "no longer there"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    if "truncated" in str(error):
        return "truncated"
    return "damaged"


def _read_picture(
    content: bytes, size: int | None, planes: Sequence[str] | None, remark: Remark | None, largest: int
) -> Image.Image | NativeImage:
    """Return a picture of 8 bits as Pillow reads it, and others with all their bits."""
    deep = deep_png(content, largest)
    if deep is not None:
        return _over_black(deep)
    if is_tiff(content):
        image = read_tiff(content, planes, remark, largest)
        if image is not None:
            return image
    try:
        opened = open_picture(content)
    except ValueError:
        shorter = without_text(content)
        if shorter is None:
            raise
        opened = open_picture(shorter)
    check_size(opened.height, opened.width, largest=largest)
    if remark and pages(opened) > 1:
        remark(f"the first of its {pages(opened):,} pages is shown")
    if opened.mode in ("I", "F") or opened.mode.startswith("I;16"):
        return NativeImage(as_native(np.asarray(upright(opened)))[np.newaxis], None, GREY)
    return load_rgb(opened, size)


def _of_picture(image: Image.Image) -> NativeImage:
    return NativeImage(np.asarray(image).transpose(2, 0, 1), None, RGB)


def _over_black(pixels: np.ndarray) -> NativeImage:
    """Return an image uint16 ``(height, width, bands)``, whose transparent parts lie over black."""
    if pixels.shape[-1] in (2, 4):
        alpha = pixels[..., -1:] / 65535
        pixels = np.rint(pixels[..., :-1] * alpha).astype(np.uint16)
    return NativeImage(
        np.ascontiguousarray(pixels.transpose(2, 0, 1)), None, RGB if pixels.shape[-1] == 3 else GREY
    )


def _of_array(array: np.ndarray, planes: Sequence[str] | None, largest: int) -> NativeImage:
    """Return the image of a NumPy array: one plane, planes one after the other, or channels last.

    As everywhere, three planes of 8 bits are a colour picture; others have names only where they are given.
    """
    if array.ndim == 3 and array.shape[2] in (1, 3, 4) and array.shape[2] < array.shape[0]:
        array = array.transpose(2, 0, 1)
        if len(array) == 4 and array.dtype == np.uint8 and planes is None:
            return _of_picture(load_rgb(Image.fromarray(np.ascontiguousarray(array.transpose(1, 2, 0)))))
    if array.ndim == 2:
        array = array[np.newaxis]
    if array.ndim != 3 or 0 in array.shape:
        raise PixelError(f"an array of shape {array.shape} is no image")
    check_size(array.shape[1], array.shape[2], len(array), largest)
    if planes is not None and len(planes) != len(array):
        raise PixelError(f"it has {len(array)} planes, and {len(planes)} names are given for them")
    if len(array) == 1:
        bands = GREY
    elif planes is not None:
        bands = Bands.named(*planes)
    else:
        bands = RGB if len(array) == 3 and array.dtype == np.uint8 else Bands.numbered(len(array))
    return NativeImage(np.ascontiguousarray(as_native(array)), None, bands)


def _stacked(images: list[NativeImage], names: tuple[str, ...]) -> NativeImage:
    """Return one image of several of a single plane each."""
    sizes = {image.values.shape[1:] for image in images}
    if len(sizes) > 1:
        told = ", ".join(
            f"{name!r} of {image.values.shape[2]} x {image.values.shape[1]}"
            for name, image in zip(names[:4], images, strict=False)
        )
        raise PixelError(f"its bands differ in size: {told}")
    values = as_native(np.concatenate([image.values for image in images]))
    bad = None
    if any(image.bad is not None for image in images):
        bad = np.concatenate(
            [np.zeros(image.values.shape, bool) if image.bad is None else image.bad for image in images]
        )
    return NativeImage(values, bad, Bands.named(*names))
