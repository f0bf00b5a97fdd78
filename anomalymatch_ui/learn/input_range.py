"""How pixels are scaled for a backbone: as its ImageNet weights were trained, or left in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from anomalymatch_ui.config import NetworkConfig

LITE_MEAN = (127 / 255,) * 3
LITE_DEVIATION = (128 / 255,) * 3
"""EfficientNet-Lite was trained on (pixel - 127) / 128, in place of a mean for each band [1]_."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
"""What the weights of B0 to B7 in efficientnet_pytorch were trained on: red, green, blue of [0, 1]."""


class InputScaling(nn.Module):
    """Scales RGB in [0, 1] band by band to what a backbone was trained on.

    Its numbers are no part of a checkpoint: they follow from the settings.

    Parameters
    ----------
    mean, deviation
        Of each band, in units of [0, 1].

    References
    ----------
    .. [1] R. Liu 2020, "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow blog.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Sequence[float], deviation: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return the scaled images, in the shape and dtype of ``images`` ``(n, 3, height, width)``."""
        # In the images' own number format: a product of two formats would be of the wider one.
        return (images - self.mean.to(images.dtype)) / self.deviation.to(images.dtype)


def input_scaling(config: NetworkConfig) -> nn.Module:
    """Return what scales images in [0, 1] for a network of these settings."""
    if config.input_range == "unit":
        return nn.Identity()
    if config.name == "efficientnet-lite0":
        return InputScaling(LITE_MEAN, LITE_DEVIATION)
    return InputScaling(IMAGENET_MEAN, IMAGENET_DEVIATION)
