"""What pixels are: native values of named bands, and the one step that makes them visible.

A file or an array is read into a :class:`NativeImage`: values as they were measured, with a mask of bad
pixels, in bands that have names. Nothing here knows where images come from, nor who looks at them.
"""

from anomalymatch_ui.pixels.rendering import MOST_BANDS, PLAIN, Rendering, View
from anomalymatch_ui.pixels.spec import (
    GREY,
    NO_GOOD_PIXEL,
    RGB,
    Band,
    Bands,
    NativeImage,
    PixelError,
    as_native,
)

__all__ = [
    "GREY",
    "MOST_BANDS",
    "NO_GOOD_PIXEL",
    "PLAIN",
    "RGB",
    "Band",
    "Bands",
    "NativeImage",
    "PixelError",
    "Rendering",
    "View",
    "as_native",
]
