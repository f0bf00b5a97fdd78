"""Pictures of every mode that Pillow reads from files, made from numbers alone."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def pictures() -> dict[str, bytes]:
    """Return the bytes of a picture of each container and mode, by file name; the same on every machine.

    Those of JPEG and lossy WebP depend on the libraries that write them, and are left to be compared on one
    machine.
    """
    y, x = np.mgrid[:48, :60]
    rgb = np.stack([x * 4, y * 5, (x * y) % 256], -1).astype(np.uint8)
    grey, alpha = rgb[..., 2], ((x + y) * 2).astype(np.uint8)
    wide = (grey.astype(np.uint16) << 8) + rgb[..., 0]
    modes: dict[str, Image.Image] = {
        "L": Image.fromarray(grey),
        "RGB": Image.fromarray(rgb),
        "RGBA": Image.fromarray(np.dstack([rgb, alpha])),
        "LA": Image.fromarray(np.dstack([grey, alpha])),
        "P": Image.fromarray(rgb).quantize(32, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE),
        "1": Image.fromarray(grey > 99),
        "CMYK": Image.fromarray(np.dstack([rgb, alpha]), "CMYK"),
        "I16": Image.fromarray(wide),
        "F": Image.fromarray(wide.astype(np.float32) / 7),
    }
    kinds = {
        "png": ("L", "RGB", "RGBA", "LA", "P", "1", "I16"),
        "tif": ("L", "RGB", "RGBA", "LA", "P", "1", "CMYK", "I16", "F"),
        "webp": ("RGB", "RGBA"),
        "jpg": ("L", "RGB", "CMYK"),
    }
    made = {}
    for kind, names in kinds.items():
        for name in names:
            buffer = io.BytesIO()
            options = {"lossless": True, "exact": True} if kind == "webp" else {}
            modes[name].save(buffer, {"jpg": "JPEG", "tif": "TIFF"}.get(kind, kind.upper()), **options)
            made[f"{name}.{kind}"] = buffer.getvalue()
    return made
