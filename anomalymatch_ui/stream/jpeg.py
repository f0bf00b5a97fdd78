"""What the header of a JPEG says, and its decoding by torchvision's libjpeg-turbo."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

# Markers of a frame: baseline, extended and progressive, all with Huffman coding.
_FRAMES = (0xC0, 0xC1, 0xC2)
_OTHER_FRAMES = (0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
_SCAN = 0xDA
_APPLICATION = 0xE1
"""Of the segments with Exif and XMP."""
_END = b"\xff\xd9"

_THREE_COLOURS = 3  # torchvision's number for ImageReadMode.RGB

# Some cameras write a few bytes after the end.
_TAIL = 64


@dataclass(frozen=True, slots=True)
class JpegFrame:
    """Size of an ordinary JPEG: 8 bits, grey or of three colours, upright, and not cut off.

    Attributes
    ----------
    height, width
        In pixels.
    """

    height: int
    width: int


def ordinary_frame(content: bytes) -> JpegFrame | None:
    """Read the header of a JPEG; ``None`` for other images, unusual JPEGs, and cut off ones."""
    if content[:3] != b"\xff\xd8\xff" or _END not in content[-_TAIL:]:
        return None
    place = 2
    while place + 9 < len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker in _FRAMES:
            bits, components = content[place + 4], content[place + 9]
            height = int.from_bytes(content[place + 5 : place + 7], "big")
            width = int.from_bytes(content[place + 7 : place + 9], "big")
            ordinary = bits == 8 and components in (1, 3) and height > 0 and width > 0
            return JpegFrame(height, width) if ordinary else None
        if marker == _SCAN or marker in _OTHER_FRAMES:
            return None
        if marker == _APPLICATION and _may_lie(content, place + 4):
            return None
        # A marker may be preceded by any number of filling bytes.
        place += 1 if marker == 0xFF else 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return None


def _may_lie(content: bytes, start: int) -> bool:
    """Return whether a segment may say that the image lies on its side, which Pillow turns then.

    The tag's number and type in either byte order, or its name in XMP; the value follows.
    """
    segment = content[start : start - 2 + int.from_bytes(content[start - 2 : start], "big")]
    big, little = segment.find(b"\x01\x12\0\x03\0\0\0\x01"), segment.find(b"\x12\x01\x03\0\x01\0\0\0")
    return (
        (big >= 0 and segment[big + 9 : big + 10] != b"\x01")
        or (little >= 0 and segment[little + 8 : little + 9] != b"\x01")
        or b"Orientation" in segment
    )


Decode = Callable[[Tensor], Tensor]
"""From the bytes of a JPEG, uint8 ``(n,)``, to its pixels, uint8 ``(3, height, width)``."""


@cache
def torchvision_decoder() -> Decode | None:
    """Return what decodes a JPEG to three colours, or ``None`` where torchvision has none (any more)."""
    for found in (_of_the_extension, _of_the_package):
        try:
            decode = found()
            _try(decode)
        except (ImportError, OSError, RuntimeError, AttributeError, TypeError):
            continue
        return decode
    return None


def _of_the_extension() -> Decode:
    """Load torchvision's extension for images alone.

    The package imports models, compilers and symbolic algebra, none of which decodes: 164 MB and seconds.
    """
    package = importlib.util.find_spec("torchvision")
    if package is None or not package.submodule_search_locations:
        raise ImportError("torchvision is not installed")
    folder = Path(package.submodule_search_locations[0])
    library = next((path for kind in ("so", "pyd") for path in folder.glob(f"image*.{kind}")), None)
    if library is None:
        raise ImportError("this torchvision has no extension for images")
    # Once more where the package has loaded it, which changes nothing.
    torch.ops.load_library(library)  # type: ignore[no-untyped-call]
    decode_jpeg = torch.ops.image.decode_jpeg

    def decode(content: Tensor) -> Tensor:
        pixels: Tensor = decode_jpeg(content, _THREE_COLOURS, False)
        return pixels

    return decode


def _of_the_package() -> Decode:
    from torchvision.io import ImageReadMode, decode_jpeg

    def decode(content: Tensor) -> Tensor:
        pixels: Tensor = decode_jpeg(content, mode=ImageReadMode.RGB)
        return pixels

    return decode


def as_tensor(content: bytes) -> Tensor:
    """Return the bytes as a tensor, which owns a copy: torch warns of memory that cannot be written."""
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)


def decode_on_cpu(content: bytes) -> np.ndarray | None:
    """Decode an ordinary JPEG, uint8 ``(height, width, 3)``; ``None`` if it is damaged, or cannot be.

    The pixels are those of Pillow, which uses the same library, to the last bit; it takes half the time.
    """
    decode = torchvision_decoder()
    if decode is None:
        return None
    try:
        pixels: np.ndarray = decode(as_tensor(content)).permute(1, 2, 0).numpy()
    except RuntimeError:
        return None
    return pixels


def _try(decode: Decode) -> None:
    """Try on one pixel whether the extension was built with libjpeg. Raises ``RuntimeError`` if not."""
    import io

    from PIL import Image

    one = io.BytesIO()
    Image.new("RGB", (1, 1)).save(one, "JPEG")
    if decode(as_tensor(one.getvalue())).shape != (3, 1, 1):
        raise RuntimeError("a pixel of three colours has not become one")
