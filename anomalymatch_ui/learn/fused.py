"""A network rewritten so that it computes the same with fewer passes over memory."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from anomalymatch_ui.learn.network import AnomalyNetwork

# Of 80 images of 160 px the fused blocks take 0.43 s as one batch and 0.34 s as five, in one thread.
_CPU_IMAGES = 16


def fused_for_inference(network: AnomalyNetwork) -> AnomalyNetwork:
    """Give a copy for inference alone that gives the same answers, but for rounding.

    Batch normalisation goes into the weights of the convolution before it, and the activation overwrites
    what it gets. At 64 px on a CPU that is 1.8 ms an image and core instead of 2.9, with what
    :func:`~anomalymatch_ui.learn.network.take_padding_in` does.

    Parameters
    ----------
    network
        It is not changed.
    """
    fused: AnomalyNetwork = copy.deepcopy(network).eval().requires_grad_(False)
    backbone = fused.backbone
    _fuse(backbone, "_conv_stem", "_bn0")
    for block in backbone._blocks:
        if hasattr(block, "_expand_conv"):
            _fuse(block, "_expand_conv", "_bn0")
        _fuse(block, "_depthwise_conv", "_bn1")
        _fuse(block, "_project_conv", "_bn2")
    _fuse(backbone, "_conv_head", "_bn1")
    for module in fused.modules():
        if isinstance(module, nn.ReLU6):
            module.inplace = True
    return fused


def fused_frozen_part(network: AnomalyNetwork) -> AnomalyNetwork:
    """Give what computes a network's :meth:`~AnomalyNetwork.frozen_maps` faster, and nothing else."""
    part = fused_for_inference(network)
    backbone = part.backbone
    backbone._blocks = backbone._blocks[: network.config.frozen_blocks]
    backbone._conv_head = nn.Identity()
    return part


@torch.no_grad()
def maps_in_parts(network: AnomalyNetwork, images: Tensor) -> Tensor:
    """Return a network's frozen maps of images, on a CPU of a few at a time: a cache holds no more.

    Parameters
    ----------
    network
        Best one of :func:`fused_frozen_part`.
    images
        Float ``(n, 3, height, width)``; they come back as they are where no block is frozen.
    """
    if network.config.frozen_blocks == 0:
        return images
    on_cpu = images.device.type == "cpu"
    size = _CPU_IMAGES * torch.get_num_threads() if on_cpu else len(images)
    parts = [images[start : start + size] for start in range(0, len(images), size)]
    return torch.cat([network.frozen_maps(part) for part in parts])


def _fuse(parent: Any, convolution: str, normalisation: str) -> None:
    fused = fuse_conv_bn_eval(getattr(parent, convolution), getattr(parent, normalisation))
    setattr(parent, convolution, fused.requires_grad_(False))
    setattr(parent, normalisation, nn.Identity())
