"""Bands that are stretched already -> the red, green and blue that a person sees. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anomalymatch_ui.pixels.spec import RGB, Bands, NativeImage, PixelError, listed

Row = tuple[float, ...]
"""Weights of the bands in one colour."""


def as_levels(shown: np.ndarray) -> np.ndarray:
    """Return values from 0 to 1, which are overwritten, as uint8."""
    shown *= 255
    levels: np.ndarray = np.rint(shown, out=shown).astype(np.uint8)
    return levels


def weighted(shown: np.ndarray, weights: Sequence[Row]) -> np.ndarray:
    """Return bands mixed by weights.

    Parameters
    ----------
    shown
        ``(bands, height, width)``, from 0 to 1.
    weights
        Weights of the bands in red, green and blue.

    Returns
    -------
    numpy.ndarray
        uint8 ``(height, width, 3)``, C-contiguous.
    """
    mixed = np.tensordot(np.array(weights), shown, 1).clip(0, 1)
    return np.ascontiguousarray(np.rint(mixed * 255).astype(np.uint8).transpose(1, 2, 0))


def placed(levels: np.ndarray, places: Sequence[int]) -> np.ndarray:
    """Return a band each as red, green and blue.

    Parameters
    ----------
    levels
        uint8 ``(bands, height, width)``.
    places
        Places of the three bands among them.

    Returns
    -------
    numpy.ndarray
        uint8 ``(height, width, 3)``, C-contiguous.
    """
    picture = np.empty((*levels.shape[1:], 3), np.uint8)
    for channel, place in enumerate(places):
        picture[..., channel] = levels[place]
    return picture


def default_colours(bands: Bands, *, in_order: bool) -> tuple[str, str, str] | tuple[Row, Row, Row]:
    """Return how bands are shown unless it is said: the reddest as red, the bluest as blue.

    Of two bands green is the mean.
    """
    names = bands.names
    if len(names) == 1:
        return names[0], names[0], names[0]
    if in_order and len(names) == 3:
        return names[0], names[1], names[2]
    ordered = bands.by_colour()
    if len(ordered) == 2:
        red, blue = (tuple(float(name == shown) for name in names) for shown in (ordered[1], ordered[0]))
        return red, (0.5, 0.5), blue
    return ordered[-1], ordered[len(ordered) // 2 - (len(ordered) % 2 == 0)], ordered[0]


def check_picture(image: NativeImage) -> None:
    """Check that an image is grey or a colour picture, where no bands are chosen.

    Raises
    ------
    PixelError
        If it has bands of its own.
    """
    names = image.bands.names
    if len(names) > 1 and names != RGB.names:
        raise PixelError(
            f"it has {len(names)} bands, {listed(names)}, and the others one: choose by --bands or --hdu"
        )
