"""The decoding of JPEGs by torchvision's libjpeg-turbo."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

_THREE_COLOURS = 3  # torchvision's number for ImageReadMode.RGB

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
