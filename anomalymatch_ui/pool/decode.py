"""The bytes of an image file -> RGB pixels, and the central square of an image."""

from __future__ import annotations

import errno
import io
import struct
import zlib

import numpy as np
from PIL import Image, UnidentifiedImageError

from anomalymatch_ui.stretch import to_uint8

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp")
"""File names of images, in small letters."""

# Named, so that bytes called .jpg never reach a decoder that runs programs, as the one of EPS does.
_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP")

# A JPEG at least this many times too large is decoded at a half, a quarter or an eighth of its size,
# but never below twice the size asked for, where the difference to the full one is not to be seen.
_DRAFT_FROM = 4
_REDUCING_GAP = 2.0

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
"""What Pillow raises about bytes that are no image, no whole image, or an unreasonably large one."""


def decode(content: bytes, size: int | None = None) -> Image.Image:
    """Decode an image to RGB.

    Parameters
    ----------
    content
        The bytes of a JPEG, PNG, TIFF or WebP file.
    size
        If given, a large JPEG may come out smaller than it is, but with no side under ``2 * size``.

    Returns
    -------
    PIL.Image.Image
        Loaded, of mode RGB.

    Raises
    ------
    Exception
        One of :data:`DECODE_ERRORS`.
    """
    if not content:
        raise OSError(errno.ENODATA, "empty file")
    image: Image.Image = Image.open(io.BytesIO(content), formats=_FORMATS)
    if size is not None and min(image.size) >= _DRAFT_FROM * size:
        image.draft(None, (2 * size, 2 * size))
    image.load()
    return image if image.mode == "RGB" and "transparency" not in image.info else _to_rgb(image)


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert any mode; transparent parts lie over black, which is what an empty sky looks like."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(to_uint8(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "black"), image).convert("RGB")
    return image.convert("RGB")


def square(image: Image.Image, size: int) -> np.ndarray:
    """Cut out the central square and scale it; no pixel of one that has the size already is touched.

    Squashing instead of cutting would change an object's shape.

    Parameters
    ----------
    image
        Of mode RGB.
    size
        Side of the square, in pixels.

    Returns
    -------
    numpy.ndarray
        uint8 ``(3, size, size)``, RGB, not contiguous.
    """
    width, height = image.size
    if width != height:
        # Before scaling, whose filter would otherwise mix in what lies outside the square.
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    if image.width != size:
        image = image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=_REDUCING_GAP)
    return np.asarray(image).transpose(2, 0, 1)


def why_unreadable(error: BaseException) -> str:
    """Put an error of reading or decoding into words, a sentence fragment."""
    if isinstance(error, Image.DecompressionBombError | MemoryError):
        return "too large to be a cutout"
    if isinstance(error, UnidentifiedImageError):
        return "not a JPEG, PNG, TIFF or WebP image"
    if isinstance(error, FileNotFoundError):
        return "no longer there"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    if "truncated" in str(error):
        return "truncated"
    return "damaged"
