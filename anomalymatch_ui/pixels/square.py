"""The central square of an image, scaled: the one crop and the one resizing on a CPU."""

from __future__ import annotations

import numpy as np
from PIL import Image

REDUCING_GAP = 2.0
"""A picture is at first reduced by whole numbers, but never below so many times the size asked for."""


def square(image: Image.Image | np.ndarray, size: int) -> np.ndarray:
    """Return the central square, scaled; no pixel of one that has the size already is touched.

    Squashing instead of cutting would change an object's shape.

    Parameters
    ----------
    image
        Image of mode RGB or L, or uint8 ``(height, width, channels)``.
    size
        Side of the square, in pixels.

    Returns
    -------
    numpy.ndarray
        uint8 ``(channels, size, size)``, not contiguous.
    """
    if isinstance(image, np.ndarray):
        if image.shape[:2] == (size, size):
            return image.transpose(2, 0, 1)
        if image.shape[2] != 3:  # channels are scaled by themselves, in whatever number
            planes = [np.ascontiguousarray(image[..., channel]) for channel in range(image.shape[2])]
            return np.concatenate([square(Image.fromarray(plane), size) for plane in planes])
        image = Image.fromarray(image)
    width, height = image.size
    if width != height:
        # Before scaling, whose filter would otherwise mix in what lies outside the square.
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    if image.width != size:
        image = image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=REDUCING_GAP)
    pixels = np.asarray(image)
    return pixels[np.newaxis] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def squares(images: np.ndarray, size: int) -> np.ndarray:
    """Return the central squares, scaled, of images uint8 ``(n, height, width, channels)``.

    Returns
    -------
    numpy.ndarray
        ``(n, size, size, channels)``; ``images`` itself if they have the size already.
    """
    if images.shape[1:3] == (size, size):
        return images
    result = np.empty((len(images), size, size, images.shape[3]), np.uint8)
    for place, pixels in enumerate(images):
        result[place] = square(pixels, size).transpose(1, 2, 0)
    return result
