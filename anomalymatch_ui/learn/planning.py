"""What OpenVINO has to compute, read from a network of torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from anomalymatch_ui.config import Layer
from anomalymatch_ui.learn.input_range import InputScaling
from anomalymatch_ui.learn.openvino_graph import CannotBuildError
from anomalymatch_ui.learn.plan import Activation, Bottleneck, ByteScaling, Convolution, Plan
from anomalymatch_ui.learn.stem import SpreadToColours


def plan_of(module: Any, start: int, layers: Sequence[Layer]) -> Plan:
    """Return what computes some layers of an EfficientNet; its arrays share the network's memory.

    Parameters
    ----------
    module
        An EfficientNet whose normalisation is in its convolutions.
    start
        The block to begin with.
    layers
        Numbers of blocks, and ``"last"``.

    Raises
    ------
    CannotBuildError
        If the network has a part that is not known here.
    """
    whole = "last" in layers
    stop = len(module._blocks) if whole else max(map(int, layers)) + 1
    return Plan(
        _activation(module._swish),
        _convolution(module._conv_stem, module._bn0) if start == 0 else None,
        {number: _bottleneck(module._blocks[number]) for number in range(start, stop)},
        _convolution(module._conv_head, module._bn1) if whole else None,
    )


def byte_scaling(scaling: nn.Module) -> ByteScaling:
    """Return what a module of :func:`~anomalymatch_ui.learn.input_range.input_scaling` does, as numbers."""
    steps = list(scaling) if isinstance(scaling, nn.Sequential) else [scaling]
    last = steps[-1]
    mean = deviation = np.empty(0, np.float32)
    if isinstance(last, InputScaling):
        mean, deviation = (values.flatten().cpu().numpy() for values in (last.mean, last.deviation))
    return ByteScaling(isinstance(steps[0], SpreadToColours), mean, deviation)


def _bottleneck(block: Any) -> Bottleneck:
    settings = block._block_args
    skips = block.id_skip and settings.input_filters == settings.output_filters
    return Bottleneck(
        _activation(block._swish),
        _convolution(block._expand_conv, block._bn0) if hasattr(block, "_expand_conv") else None,
        _convolution(block._depthwise_conv, block._bn1),
        _convolution(block._se_reduce) if block.has_se else None,
        _convolution(block._se_expand) if block.has_se else None,
        _convolution(block._project_conv, block._bn2),
        bool(skips and tuple(block._depthwise_conv.stride) == (1, 1)),
    )


def _convolution(part: nn.Conv2d, normalisation: nn.Module | None = None) -> Convolution:
    if normalisation is not None and not isinstance(normalisation, nn.Identity):
        raise CannotBuildError(f"a {type(normalisation).__name__} that is not in the convolution before it")
    before, after = _padding(part)
    return Convolution(
        _array(part.weight),
        None if part.bias is None else _array(part.bias),
        part.groups,
        _pair(part.stride),
        _pair(part.dilation),
        before,
        after,
    )


def _padding(part: nn.Conv2d) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return how many rows and columns of zeros are before and after the maps, as the library says."""
    own = getattr(part, "static_padding", None)
    left, right, top, bottom = own.padding if isinstance(own, nn.ZeroPad2d) else (0, 0, 0, 0)
    rows, columns = (int(width) for width in part.padding)
    return (top + rows, left + columns), (bottom + rows, right + columns)


def _activation(activation: nn.Module) -> Activation:
    if isinstance(activation, nn.ReLU6):
        return "relu6"
    if type(activation).__name__ in ("Swish", "MemoryEfficientSwish"):
        return "swish"
    raise CannotBuildError(f"the activation {type(activation).__name__}")


def _array(values: Tensor) -> np.ndarray:
    array: np.ndarray = values.detach().float().contiguous().numpy()
    return array


def _pair(values: Sequence[int]) -> tuple[int, int]:
    rows, columns = values
    return int(rows), int(columns)
