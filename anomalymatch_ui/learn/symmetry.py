"""The symmetries of a square image: turned and mirrored views of the same pixels, nothing resampled.

In the sky no direction is up, so that an image of it may be seen in all eight ways a square lies on itself; a
picture with an up, such as a landscape or a plot, in two or one.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Generator, Tensor

from anomalymatch_ui.config import Symmetry
from anomalymatch_ui.learn.views import ORDER, require_square


def symmetries(images: Tensor, kind: Symmetry) -> Iterator[Tensor]:
    """Return every view of the images, to average a network's answers over.

    Parameters
    ----------
    images
        ``(n, bands, height, width)``, uint8 or float; square if ``kind`` is ``"square"``.
    kind
        Which views there are.

    Returns
    -------
    iterator of Tensor
        1, 2 or 8 tensors of the shape and dtype of ``images``, which comes first. They may share its
        memory.

    Raises
    ------
    InputError
        If images that are not square are to be turned.
    """
    if kind == "square":
        require_square(*images.shape[-2:])
    return (_view(images, number) for number in range(ORDER[kind]))


def random_symmetry(images: Tensor, generator: Generator, kind: Symmetry) -> Tensor:
    """Return one view of each image, drawn for each with equal chances.

    Parameters
    ----------
    images
        ``(n, bands, height, width)``, uint8 or float; square if ``kind`` is ``"square"``.
    generator
        A generator on the CPU, so that one seed gives the same views on every device.
    kind
        Which views there are.

    Returns
    -------
    Tensor
        Of the shape and dtype of ``images``, which is not changed.

    Raises
    ------
    InputError
        If images that are not square are to be turned.
    """
    if kind == "square":
        require_square(*images.shape[-2:])
    numbers = torch.randint(ORDER[kind], (len(images),), generator=generator)
    result = torch.empty_like(images)
    for number in range(ORDER[kind]):
        rows = torch.nonzero(numbers == number).squeeze(1).to(images.device)
        result[rows] = _view(images[rows], number)
    return result


def _view(images: Tensor, number: int) -> Tensor:
    if number & 4:
        images = images.transpose(-2, -1)
    axes = [axis for bit, axis in ((1, -1), (2, -2)) if number & bit]
    return images.flip(axes) if axes else images
