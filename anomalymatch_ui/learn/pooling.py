"""From maps to numbers: where in the frame a stage of the network is averaged, and how much it varies there.

The last layer, averaged over the frame, says what an image is of. The middle of the network at the centre of
a cutout says how the object there is built: on barred galaxies that is twice the average precision.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from anomalymatch_ui.config import Place
from anomalymatch_ui.learn.pooled_places import CENTRE_RADIUS, LEAST_FLUX, LEAST_VARIANCE, inner_pixels


class Pooled(NamedTuple):
    """Weighted mean and standard deviation of each channel, float32 ``(n, channels)`` each."""

    mean: Tensor
    deviation: Tensor


def pooled(maps: Tensor, weights: Tensor | None = None) -> Pooled:
    """Pool maps over the frame.

    Parameters
    ----------
    maps
        ``(n, channels, height, width)``.
    weights
        From :func:`pooling_weights`, ``(n or 1, height, width)``; ``None`` weighs all places alike.
    """
    images, _, height, width = maps.shape
    # In float32, for the difference of two squares has no digits to lose.
    places = maps.permute(0, 2, 3, 1).reshape(images, height * width, -1).float()
    if weights is None:
        mean, square = places.mean(dim=1), places.square().mean(dim=1)
    else:
        rows = weights.reshape(-1, 1, height * width).expand(images, -1, -1)
        mean, square = ((rows @ values).squeeze(1) for values in (places, places.square()))
    return Pooled(mean, (square - mean.square()).clamp(min=LEAST_VARIANCE).sqrt())


def pooling_weights(place: Place, images: Tensor, side: int) -> Tensor | None:
    """Return how much each place of a map counts.

    Parameters
    ----------
    place
        ``"frame"``: all alike. ``"centre"``: by a Gaussian about the middle of the frame. ``"flux"``: by what
        the image is brighter there than at its edge, which needs no centring.
    images
        ``(n, bands, height, width)``, in [0, 1].
    side
        Side of the map, in its own pixels.

    Returns
    -------
    Tensor or None
        float32 ``(n or 1, side, side)``, with sum 1; ``None`` for the frame.
    """
    if place == "frame":
        return None
    if place == "centre":
        return centre_weights(side, images.device)
    flux = nn.functional.adaptive_avg_pool2d(flux_above_edge(images)[:, None], side)[:, 0] + LEAST_FLUX
    return flux / flux.sum(dim=(1, 2), keepdim=True)


def centre_weights(side: int, device: torch.device | None = None) -> Tensor:
    """Return weights that fall off from the middle of a square, float32 ``(1, side, side)``, with sum 1."""
    axis = (torch.arange(side, device=device, dtype=torch.float32) + 0.5) * 2 / side - 1
    profile = torch.exp(-axis.square() / (2 * CENTRE_RADIUS**2))
    weights = profile[:, None] * profile
    return (weights / weights.sum())[None]


def flux_above_edge(images: Tensor) -> Tensor:
    """Return how much brighter than its edge an image is in each pixel, float32 ``(n, height, width)``.

    Parameters
    ----------
    images
        ``(n, bands, height, width)``; the median of the outer tenth on all sides is the background.
    """
    grey = images.float().mean(dim=1)
    inner = torch.from_numpy(inner_pixels(*grey.shape[1:])).to(grey.device)
    background = grey[:, ~inner].median(dim=1).values
    return (grey - background[:, None, None]).clamp(min=0)
