"""What torch has to tell of a frozen backbone, once: its arrays, what it makes of some images, its name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from anomalymatch_ui.learn.adapted import load_adapted
from anomalymatch_ui.learn.frozen import FrozenBackbone
from anomalymatch_ui.learn.fused import fused_for_inference
from anomalymatch_ui.learn.network import AnomalyNetwork, backbone_digest, build_network
from anomalymatch_ui.learn.openvino_graph import BATCH, CannotBuildError
from anomalymatch_ui.learn.plan import layers_taken
from anomalymatch_ui.learn.planning import byte_scaling, plan_of
from anomalymatch_ui.learn.representation import represented, width
from anomalymatch_ui.learn.runtime import computable
from anomalymatch_ui.learn.verdict import Refusal
from anomalymatch_ui.learn.wanted import WantedBackbone

_SEED = 20  # of the images that it is tried on


def network_of(wanted: WantedBackbone) -> AnomalyNetwork:
    """Build the network whose backbone is wanted.

    Raises
    ------
    InputError
        If there is none, its weights are not here, or the adapted ones are damaged.
    """
    network = build_network(wanted.network, wanted.seed, wanted.bands)
    if wanted.adapted is not None:
        load_adapted(Path(wanted.adapted), network)
    return network


def name_of(wanted: WantedBackbone) -> str:
    """Return a name for what a backbone computes."""
    return backbone_digest(network_of(wanted))


@torch.no_grad()
def freeze(wanted: WantedBackbone) -> FrozenBackbone:
    """Return a backbone as arrays.

    Raises
    ------
    InputError
        As :func:`network_of` does, and if the network has no such layer.
    Refusal
        If it cannot be told as arrays; torch then computes it.
    """
    network = network_of(wanted)
    widths = tuple(width(network, part) for part in wanted.parts)
    fused = fused_for_inference(network)
    shape = BATCH, network.image_size, network.image_size, network.bands
    pixels = np.random.default_rng(_SEED).integers(0, 256, shape, np.uint8)
    # Half black, half white, for none of one colour: its deviation is rounding alone, by torch, too.
    half = network.image_size // 2
    pixels[:2], pixels[0, half:], pixels[1, :, half:] = 0, 255, 255
    try:
        plan = plan_of(computable(fused).module, 0, layers_taken(wanted.parts))
    except CannotBuildError as error:
        raise Refusal(f"OpenVINO is not told how to compute {error}.") from error
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255
    features = represented(fused, images, wanted.parts).numpy()
    scaling = byte_scaling(fused.scaling)
    return FrozenBackbone(network.config.name, plan, scaling, wanted.parts, widths, pixels, features)
