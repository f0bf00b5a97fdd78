"""A frozen EfficientNet as arrays: what its layers compute, told without torch.

:mod:`~anomalymatch_ui.learn.planning` makes it of a network, :mod:`~anomalymatch_ui.learn.openvino_graph` a
graph of it. So a process that only looks at images need not load torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from anomalymatch_ui.config import Layer, Place, Statistic

Activation = Literal["relu6", "swish"]


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution, into which the normalisation after it is taken.

    Attributes
    ----------
    weights
        float32 ``(channels, channels of a group, height, width)``.
    bias
        float32 ``(channels,)``, or ``None``.
    groups
        How many groups of channels are convolved apart.
    strides, dilations
        In rows and columns.
    before, after
        Rows and columns of zeros before and after the maps.
    """

    weights: np.ndarray
    bias: np.ndarray | None
    groups: int
    strides: tuple[int, int]
    dilations: tuple[int, int]
    before: tuple[int, int]
    after: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """A block: an inverted bottleneck, without what is for training alone.

    Attributes
    ----------
    activation
        After ``expand``, ``depthwise`` and ``reduce``.
    expand, depthwise, project
        Its convolutions; ``expand`` may be missing.
    reduce, restore
        What squeezes and excites, if anything does.
    adds
        Whether what goes in is added to what comes out.
    """

    activation: Activation
    expand: Convolution | None
    depthwise: Convolution
    reduce: Convolution | None
    restore: Convolution | None
    project: Convolution
    adds: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Some layers of an EfficientNet.

    Attributes
    ----------
    activation
        Of the stem and of the end.
    stem
        Its first convolution; ``None`` where a block comes first.
    blocks
        By their numbers, in order.
    end
        The convolution after the last block; ``None`` where it is not needed.
    """

    activation: Activation
    stem: Convolution | None
    blocks: Mapping[int, Bottleneck]
    end: Convolution | None


@dataclass(frozen=True, slots=True)
class ByteScaling:
    """How uint8 pixels become what a backbone was trained on.

    Attributes
    ----------
    spread
        Whether one or two bands are spread to three colours first.
    mean, deviation
        Mean and deviation of each channel, float32 ``(channels,)`` in units of [0, 1]; empty where values
        stay as they are.
    """

    spread: bool
    mean: np.ndarray
    deviation: np.ndarray


class Taken(NamedTuple):
    """What is taken of a backbone's layers: a part of the embedding, as far as the backbone is concerned.

    Attributes
    ----------
    layers
        Which layers.
    place
        Where in the frame they are averaged.
    statistics
        What of each channel.
    """

    layers: tuple[Layer, ...]
    place: Place = "frame"
    statistics: tuple[Statistic, ...] = ("mean",)


AT_THE_END = Taken(("last",))
"""The features of a network whose head reads its end."""


def layers_taken(parts: tuple[Taken, ...]) -> tuple[Layer, ...]:
    """Return the layers that parts need, each once."""
    return tuple(dict.fromkeys(layer for part in parts for layer in part.layers))
