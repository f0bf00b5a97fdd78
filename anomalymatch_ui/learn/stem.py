"""How pretrained weights of red, green and blue take images of 1 to 16 bands.

A grey image, repeated in any number of bands, gives the features that it gives as a grey picture:

- One band is taken for all three colours.
- Of two bands, the first is taken for red, the second for blue, and their mean for green, as they are
  shown to a person.
- More bands, from the reddest to the bluest, are shared out among red, green and blue in that order, as
  evenly as possible. Each begins with its colour's weights, divided by the number of bands of that colour.
  Three bands keep the weights as they are.
"""

from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor, nn

COLOURS = 3


def colours_of(bands: int) -> tuple[int, ...]:
    """Return which colour each channel of the stem stands for: 0 is red, 1 green, 2 blue.

    Examples
    --------
    >>> colours_of(5)
    (0, 0, 1, 1, 2)
    >>> colours_of(1)
    (0, 1, 2)
    """
    channels = max(bands, COLOURS)
    return tuple(COLOURS * place // channels for place in range(channels))


class SpreadToColours(nn.Module):
    """Makes red, green and blue of one or two bands, ``(n, bands, height, width)``."""

    def forward(self, images: Tensor) -> Tensor:
        """Return ``(n, 3, height, width)``, in the dtype of ``images``."""
        if images.shape[1] == 1:
            return images.expand(-1, COLOURS, -1, -1).contiguous(memory_format=torch.channels_last)
        red, blue = images.unbind(dim=1)
        return torch.stack([red, (red + blue) / 2, blue], dim=1).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def widen(convolution: nn.Conv2d, bands: int) -> None:
    """Let the first convolution of a network, of three colours, take the channels of so many bands."""
    colours = colours_of(bands)
    if len(colours) == COLOURS:
        return
    counts = Counter(colours)
    weights = convolution.weight
    shares = torch.tensor([1 / counts[colour] for colour in colours], dtype=weights.dtype)
    convolution.weight = nn.Parameter(weights[:, list(colours)] * shares[None, :, None, None])
    convolution.in_channels = len(colours)
