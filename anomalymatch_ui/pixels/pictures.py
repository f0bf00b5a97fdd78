"""Pictures of 8 bits as every program has them: their bytes -> RGB, by Pillow."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

from anomalymatch_ui.pixels.largest import LARGEST, check_shape
from anomalymatch_ui.pixels.spec import PixelError
from anomalymatch_ui.pixels.square import REDUCING_GAP

# Named, so that bytes called .jpg never reach a decoder that runs programs, as the one of EPS does.
_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF")

# A JPEG at least this many times too large is decoded at a half, a quarter or an eighth of its size,
# but never below twice the size asked for, where the difference to the full one is not to be seen.
DRAFT_FROM = 4

_PNG = b"\x89PNG\r\n\x1a\n"
_TEXT = (b"tEXt", b"zTXt", b"iTXt")


def open_picture(content: bytes) -> Image.Image:
    """Open a picture without decoding it.

    Raises
    ------
    Exception
        One of :data:`~anomalymatch_ui.pixels.files.DECODE_ERRORS`.
    """
    return Image.open(io.BytesIO(content), formats=_FORMATS)


def pages(image: Image.Image) -> int:
    """Return how many pages or frames a picture has, of which the first is shown."""
    return int(getattr(image, "n_frames", 1))


def load_rgb(image: Image.Image, size: int | None = None) -> Image.Image:
    """Decode an opened picture of 8 bits a band to RGB, upright.

    Transparent parts lie over black, which is what an empty sky looks like.

    Parameters
    ----------
    image
        Opened, not decoded yet.
    size
        If given, a large JPEG may come out smaller than it is, but with no side under ``2 * size``.
    """
    if size is not None and min(image.size) >= DRAFT_FROM * size:
        image.draft(None, (round(REDUCING_GAP) * size,) * 2)
    image = upright(image)
    if image.mode == "P" and not image.getpalette():  # which Pillow would show in black
        raise PixelError("it has no palette")
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "black"), image).convert("RGB")
    return image.convert("RGB")


def upright(image: Image.Image) -> Image.Image:
    """Decode an opened picture and turn it as its Exif says; a TIFF is turned by Pillow already."""
    image.load()
    if image.format == "TIFF":
        return image
    turned = ImageOps.exif_transpose(image)
    return image if turned is None else turned


def without_text(content: bytes) -> bytes | None:
    """Return a PNG without the texts beside the image; ``None`` if it has none.

    Pillow refuses texts of more than a megabyte, such as a program's history of what it did.
    """
    if not content.startswith(_PNG):
        return None
    kept, place = [_PNG], len(_PNG)
    while place + 12 <= len(content):
        end = place + 12 + int.from_bytes(content[place : place + 4], "big")
        if content[place + 4 : place + 8] not in _TEXT:
            kept.append(content[place:end])
        place = end
    shorter = b"".join(kept)
    return shorter if len(shorter) < len(content) else None


def deep_png(content: bytes, largest: int = LARGEST) -> np.ndarray | None:
    """Return a PNG of 16 bits a band in colour or with transparency; ``None`` of every other file.

    Pillow keeps the upper 8 bits. Its unpackers for the other byte order, given the same bytes, give the
    lower ones.

    Returns
    -------
    numpy.ndarray
        uint16 ``(height, width, bands)``, of 2, 3 or 4 bands.
    """
    kinds = {2: "RGB", 4: "LA", 6: "RGBA"}
    if not content.startswith(_PNG) or len(content) < 26 or content[24] != 16 or content[25] not in kinds:
        return None
    check_shape(struct.unpack_from(">II", content, 16), largest)
    kind = kinds[content[25]]
    if kind == "LA":  # four bytes a pixel, as of RGBA: the two of grey, and the two of alpha
        pairs = np.asarray(_unpacked(content, "RGBA", "RGBA"))
        return np.ascontiguousarray(pairs).view(">u2").astype(np.uint16)
    upper, lower = (
        np.asarray(_unpacked(content, kind, f"{kind};16{order}"), np.uint16) for order in ("B", "L")
    )
    return (upper << 8) | lower


def _unpacked(content: bytes, mode: str, rawmode: str) -> Image.Image:
    image = open_picture(content)
    assert isinstance(image, PngImagePlugin.PngImageFile)
    image._mode = mode
    image.tile = [tile._replace(args=rawmode) for tile in image.tile]
    return upright(image)
