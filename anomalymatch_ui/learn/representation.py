"""What a network's stages say of an image, as one row of numbers: the ground of the embedding."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from anomalymatch_ui.config import Layer, PartConfig
from anomalymatch_ui.learn.network import AnomalyNetwork
from anomalymatch_ui.learn.plan import Taken
from anomalymatch_ui.learn.pooling import pooled, pooling_weights


def represented(network: AnomalyNetwork, images: Tensor, parts: Sequence[PartConfig | Taken]) -> Tensor:
    """Return the pooled stages of images, computed no further than the deepest layer that a part needs.

    Parameters
    ----------
    network
        Whose stages are pooled.
    images
        ``(n, bands, height, width)``, in [0, 1], or uint8.
    parts
        What is taken; their sizes, weights and whitening are not used.

    Returns
    -------
    Tensor
        float32 ``(n, columns)``: part by part, layer by layer, statistic by statistic.
    """
    layers = layers_of(parts)
    maps = dict(zip(layers, network.stages(images, layers), strict=True))
    columns = []
    if images.dtype == torch.uint8 and any(part.place == "flux" for part in parts):
        images = images / 255
    for part in parts:
        for layer in part.layers:
            weights = pooling_weights(part.place, images, maps[layer].shape[-1])
            found = pooled(maps[layer], weights)
            columns += [getattr(found, statistic) for statistic in part.statistics]
    return torch.cat(columns, dim=1)


def layers_of(parts: Sequence[PartConfig | Taken]) -> tuple[Layer, ...]:
    """Return the layers that parts need, each once."""
    return tuple(dict.fromkeys(layer for part in parts for layer in part.layers))


def width(network: AnomalyNetwork, part: PartConfig | Taken) -> int:
    """Return how many columns a part has.

    Raises
    ------
    InputError
        If the network has no such layer.
    """
    return len(part.statistics) * sum(network.channels(layer) for layer in part.layers)
