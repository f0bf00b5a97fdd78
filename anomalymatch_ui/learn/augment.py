"""The published weak and strong augmentation of whole batches, on the device they are on.

They were made for photographs; :mod:`anomalymatch_ui.learn.science` holds those made for the sky.

Every image of a batch gets its own random operations, yet nothing loops over images in Python: the
images that drew the same operation are transformed together.

All functions take and return float ``(n, bands, height, width)`` in [0, 1]. Red, green and blue have the
grey of their luma, other bands that of their mean; autocontrast and equalise work on each band by itself.
Random numbers are drawn from a CPU generator, so that one seed gives one augmentation on every device.

References
----------
.. [1] Sohn et al. 2020, "FixMatch", arXiv:2001.07685; operations and ranges from its table 12.
.. [2] Cubuk et al. 2019, "RandAugment", arXiv:1909.13719.
.. [3] DeVries & Taylor 2017, "Cutout", arXiv:1708.04552.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn import functional

MAX_SHIFT = 0.125
"""Largest vertical shift of the weak augmentation, as a share of the height [1]_."""

MAX_CUTOUT = 0.5
"""Largest side of the square that Cutout blanks, as a share of the image's side [1]_."""

OPERATIONS_PER_IMAGE = 3

_GREY = torch.tensor([0.299, 0.587, 0.114])  # luma of ITU-R BT.601, which Pillow's conversion uses


def weak_augment(images: Tensor, generator: Generator) -> Tensor:
    """Flip horizontally with probability 1/2 and shift vertically by up to 12.5 %, reflecting the edge."""
    count, _, height, width = images.shape
    flips = torch.rand(count, generator=generator) < 0.5
    reach = int(MAX_SHIFT * height)
    shifts = torch.randint(-reach, reach + 1, (count,), generator=generator)
    columns = torch.arange(width).expand(count, width)
    columns = torch.where(flips[:, None], width - 1 - columns, columns)
    return take_pixels(images, torch.arange(height) - shifts[:, None], columns)


def strong_augment(images: Tensor, generator: Generator) -> Tensor:
    """Apply three random RandAugment operations [2]_ to each image, then Cutout [3]_."""
    count = len(images)
    images = images.clone()
    for _ in range(OPERATIONS_PER_IMAGE):
        choices = torch.randint(len(OPERATIONS), (count,), generator=generator)
        draws = torch.rand(count, generator=generator)
        for number, operation in enumerate(OPERATIONS):
            chosen = torch.nonzero(choices == number).squeeze(1)
            if len(chosen) == 0:
                continue
            rows = chosen.to(images.device)
            values = operation.low + (operation.high - operation.low) * draws[chosen]
            images[rows] = operation.apply(images[rows], values.to(images.device))
    return cutout(images, generator)


def cutout(images: Tensor, generator: Generator) -> Tensor:
    """Blank a square of random size and place in each image with mid-grey."""
    count, _, height, width = images.shape
    sides = torch.rand(count, generator=generator) * MAX_CUTOUT
    inside = random_squares(sides, height, width, generator)
    return images.masked_fill(inside.to(images.device), 0.5)


def random_squares(sides: Tensor, height: int, width: int, generator: Generator) -> Tensor:
    """Mark a square at a random place of each image.

    Parameters
    ----------
    sides
        Float ``(n,)``: side of each square as a share of the image's; 0 marks nothing.
    height, width
        Height and width of the images, in pixels.
    generator
        Returns the centres, anywhere in the image, so that a square may reach over the edge.

    Returns
    -------
    Tensor
        Bool ``(n, 1, height, width)``, true inside the square, on the CPU.
    """
    centres = torch.rand(len(sides), 2, generator=generator)
    y = (torch.arange(height) + 0.5) / height
    x = (torch.arange(width) + 0.5) / width
    in_rows = (y - centres[:, :1]).abs() < sides[:, None] / 2
    in_columns = (x - centres[:, 1:]).abs() < sides[:, None] / 2
    return in_rows[:, None, :, None] & in_columns[:, None, None, :]


def take_pixels(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return each image the pixels at its own rows and columns, reflected where they lie outside.

    Parameters
    ----------
    images
        ``(n, bands, height, width)`` of any dtype.
    rows, columns
        Int64 ``(n, height)`` and ``(n, width)``, less than one image outside on either side.

    Returns
    -------
    Tensor
        Of the shape and dtype of ``images``, channels last in memory.
    """
    count, _, height, width = images.shape
    batch = torch.arange(count, device=images.device)[:, None, None]
    rows = _reflect(rows, height).to(images.device)
    columns = _reflect(columns, width).to(images.device)
    picked = images.permute(0, 2, 3, 1)[batch, rows[:, :, None], columns[:, None, :]]
    return picked.permute(0, 3, 1, 2)


def _reflect(positions: Tensor, size: int) -> Tensor:
    positions = positions.abs()
    return torch.where(positions >= size, 2 * (size - 1) - positions, positions)


def _blend(images: Tensor, degenerate: Tensor, values: Tensor) -> Tensor:
    share = values[:, None, None, None]
    return torch.clamp(share * images + (1 - share) * degenerate, 0, 1)


def _grey(images: Tensor) -> Tensor:
    if images.shape[1] != len(_GREY):
        return images.mean(1, keepdim=True)
    weights = _GREY.to(images)[None, :, None, None]
    return (images * weights).sum(1, keepdim=True)


def _vision() -> Any:
    """Return torchvision's functions of images; imported when first used, for it takes as long as torch."""
    from torchvision.transforms.v2 import functional

    return functional


def _identity(images: Tensor, values: Tensor) -> Tensor:
    return images


def _autocontrast(images: Tensor, values: Tensor) -> Tensor:
    return _band_by_band(_vision().autocontrast, images)


def _band_by_band(operation: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Apply what torchvision does to each band, and refuses to do unless there are one or three."""
    if images.shape[1] in (1, 3):
        return operation(images)
    return operation(images.flatten(0, 1)[:, None]).reshape(images.shape)


def _brightness(images: Tensor, values: Tensor) -> Tensor:
    return _blend(images, torch.zeros_like(images), values)


def _colour(images: Tensor, values: Tensor) -> Tensor:
    return _blend(images, _grey(images).expand_as(images), values)


def _contrast(images: Tensor, values: Tensor) -> Tensor:
    return _blend(images, _grey(images).mean(dim=(2, 3), keepdim=True).expand_as(images), values)


def _equalize(images: Tensor, values: Tensor) -> Tensor:
    return _band_by_band(_vision().equalize, (images * 255).round().to(torch.uint8)).to(images) / 255


def _posterize(images: Tensor, values: Tensor) -> Tensor:
    levels = torch.exp2(values.round())[:, None, None, None]
    step = 256 / levels
    return torch.floor(images * 255 / step) * step / 255


def _sharpness(images: Tensor, values: Tensor) -> Tensor:
    kernel = torch.ones(3, 3, device=images.device, dtype=images.dtype)
    kernel[1, 1] = 5
    bands = images.shape[1]
    kernel = (kernel / kernel.sum()).expand(bands, 1, 3, 3)
    smooth = images.clone()
    smooth[:, :, 1:-1, 1:-1] = functional.conv2d(images, kernel, groups=bands)
    return _blend(images, smooth, values)


def _solarize(images: Tensor, values: Tensor) -> Tensor:
    return torch.where(images >= values[:, None, None, None], 1 - images, images)


def _transform(images: Tensor, **entries: Tensor) -> Tensor:
    """Resample with the affine matrix of these entries (``xx``, ``xy``, ``x``, ``yx``, ``yy``, ``y``)."""
    some = next(iter(entries.values()))
    zero, one = torch.zeros_like(some), torch.ones_like(some)
    defaults = {"xx": one, "xy": zero, "x": zero, "yx": zero, "yy": one, "y": zero}
    xx, xy, x, yx, yy, y = ({**defaults, **entries}[name] for name in defaults)
    matrix = torch.stack([torch.stack([xx, xy, x], 1), torch.stack([yx, yy, y], 1)], 1)
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def _rotate(images: Tensor, values: Tensor) -> Tensor:
    angle = torch.deg2rad(values)
    return _transform(images, xx=angle.cos(), xy=-angle.sin(), yx=angle.sin(), yy=angle.cos())


def _shear_x(images: Tensor, values: Tensor) -> Tensor:
    return _transform(images, xy=values)


def _shear_y(images: Tensor, values: Tensor) -> Tensor:
    return _transform(images, yx=values)


def _translate_x(images: Tensor, values: Tensor) -> Tensor:
    return _transform(images, x=2 * values)  # the grid's side is 2


def _translate_y(images: Tensor, values: Tensor) -> Tensor:
    return _transform(images, y=2 * values)


class Operation(NamedTuple):
    """One operation of RandAugment, with the range its strength is drawn from."""

    name: str
    low: float
    high: float
    apply: Callable[[Tensor, Tensor], Tensor]


OPERATIONS = (
    Operation("autocontrast", 0, 1, _autocontrast),
    Operation("brightness", 0.05, 0.95, _brightness),
    Operation("colour", 0.05, 0.95, _colour),
    Operation("contrast", 0.05, 0.95, _contrast),
    Operation("equalize", 0, 1, _equalize),
    Operation("identity", 0, 1, _identity),
    Operation("posterize", 4, 8, _posterize),
    Operation("rotate", -30, 30, _rotate),
    Operation("sharpness", 0.05, 0.95, _sharpness),
    Operation("shear_x", -0.3, 0.3, _shear_x),
    Operation("shear_y", -0.3, 0.3, _shear_y),
    Operation("solarize", 0, 1, _solarize),
    Operation("translate_x", -0.3, 0.3, _translate_x),
    Operation("translate_y", -0.3, 0.3, _translate_y),
)
"""The operations of FixMatch's RandAugment with their ranges [1]_."""
