"""How pixels are scaled for a backbone: as its pretrained weights were trained, or left in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from anomalymatch_ui.config import NetworkConfig
from anomalymatch_ui.learn.stem import COLOURS, SpreadToColours, colours_of

Range = tuple[tuple[float, float, float], tuple[float, float, float]]
"""Mean and deviation of red, green and blue, in units of [0, 1]."""

LITE_RANGE: Range = ((127 / 255,) * 3, (128 / 255,) * 3)
"""EfficientNet-Lite was trained on (pixel - 127) / 128, in place of a mean for each band [1]_."""

IMAGENET_RANGE: Range = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""What the weights of B0 to B7 in efficientnet_pytorch were trained on: red, green, blue of [0, 1]."""


class InputScaling(nn.Module):
    """Scales images in [0, 1] channel by channel to what a backbone was trained on.

    Its numbers are no part of a checkpoint: they follow from the settings.

    Parameters
    ----------
    mean, deviation
        Mean and deviation of each channel, in units of [0, 1].

    References
    ----------
    .. [1] R. Liu 2020, "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow blog.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Sequence[float], deviation: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation).view(1, -1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return the scaled images, in the shape and dtype of ``images`` ``(n, channels, height, width)``."""
        # In the images' own number format: a product of two formats would be of the wider one.
        return (images - self.mean.to(images.dtype)) / self.deviation.to(images.dtype)


def input_scaling(config: NetworkConfig, trained_on: Range, bands: int) -> nn.Module:
    """Return what makes the channels of a network's stem of images in [0, 1].

    Parameters
    ----------
    config
        Its ``input_range`` may leave the values as they are.
    trained_on
        What the pretrained weights were trained on. Each band is scaled as the colour it stands for.
    bands
        Number of bands of the images.
    """
    steps: list[nn.Module] = [SpreadToColours()] if bands < COLOURS else []
    if config.input_range != "unit":
        mean, deviation = ([values[colour] for colour in colours_of(bands)] for values in trained_on)
        steps.append(InputScaling(mean, deviation))
    if not steps:
        return nn.Identity()
    return steps[0] if len(steps) == 1 else nn.Sequential(*steps)
