"""Many images of one size, rendered at one time: each to the bit as by itself, in half the time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
from PIL import Image

from anomalymatch_ui.pixels.files import DECODE_ERRORS
from anomalymatch_ui.pixels.rendering import Rendering, View
from anomalymatch_ui.pixels.spec import Bands, NativeImage

_TOGETHER = 2**16
"""Pixels of all bands that are stretched at one time: 0.5 MB as float64, which stay near the processor."""

_WAITING = 4 * 2**20
"""Bytes of native values that wait to be rendered at one time, at most."""

Key = TypeVar("Key")
Seen = Image.Image | np.ndarray


def rendered_stack(rendering: Rendering, stack: np.ndarray, bands: Bands, view: View) -> np.ndarray:
    """Return what a person or the network sees of some images; see :meth:`Rendering.rendered`.

    Parameters
    ----------
    rendering
        Bound to the bands.
    stack
        Native values ``(n, bands, height, width)``, of which no mask is known.
    bands
        Bands of each image.
    view
        For whom.

    Returns
    -------
    numpy.ndarray
        uint8 ``(n, height, width, channels)``.

    Raises
    ------
    PixelError
        If the images lack a band.
    """
    shown = np.empty((len(stack), *stack.shape[2:], rendering.channels_of(view)), np.uint8)
    channels = rendering.channels_by_band(bands, view)
    if channels is None:
        for place, values in enumerate(stack):
            shown[place] = rendering.rendered(NativeImage(values, None, bands), view)
        return shown
    used = sorted(set(channels))
    together = max(1, _TOGETHER // (len(used) * shown[0, ..., 0].size)) if len(shown) else 1
    for first in range(0, len(stack), together):
        some = stack[first : first + together]
        if len(used) < some.shape[1]:
            some = some[:, used]
        levels = rendering.levels_of(some.reshape(-1, *some.shape[2:])).reshape(some.shape)
        for channel, place in enumerate(channels):
            shown[first : first + together, ..., channel] = levels[:, used.index(place)]
    return shown


def rendered_in_runs(
    rendering: Rendering, images: Iterable[tuple[Key, Seen | NativeImage]], view: View
) -> Iterator[tuple[Key, Seen | Exception]]:
    """Render images that come one by one, those that are alike and follow one another at one time.

    Parameters
    ----------
    rendering
        Bound to their bands.
    images
        By a key each; what is seen as it is comes out as it is.
    view
        For whom.

    Yields
    ------
    tuple
        Key and image, uint8 ``(height, width, channels)``, in their order; or why it cannot be rendered, one
        of :data:`~anomalymatch_ui.pixels.files.DECODE_ERRORS`.
    """
    waiting: list[tuple[Key, NativeImage]] = []
    for key, image in images:
        if not isinstance(image, NativeImage):
            yield from _rendered(rendering, waiting, view)
            waiting = []
            yield key, image
            continue
        room = _WAITING // image.values.nbytes
        if waiting and (len(waiting) >= room or not _are_alike(waiting[0][1], image)):
            yield from _rendered(rendering, waiting, view)
            waiting = []
        waiting.append((key, image))
    yield from _rendered(rendering, waiting, view)


def _are_alike(one: NativeImage, other: NativeImage) -> bool:
    return (
        one.bad is None
        and other.bad is None
        and one.values.shape == other.values.shape
        and one.values.dtype == other.values.dtype
        and one.bands == other.bands
    )


def _rendered(
    rendering: Rendering, images: list[tuple[Key, NativeImage]], view: View
) -> Iterator[tuple[Key, np.ndarray | Exception]]:
    """Render images that are alike."""
    try:
        if len(images) > 1:
            stack = np.stack([image.values for _, image in images])
            shown = list(rendered_stack(rendering, stack, images[0][1].bands, view))
        else:
            shown = [rendering.rendered(image, view) for _, image in images]
    except DECODE_ERRORS as error:
        yield from ((key, error) for key, _ in images)
    else:
        yield from zip((key for key, _ in images), shown, strict=True)
