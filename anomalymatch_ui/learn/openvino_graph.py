"""An EfficientNet as OpenVINO computes it: a graph built from the weights, compiled for one batch on CPUs.

Built node by node and not traced: that takes milliseconds instead of seconds, needs no example, and leaves
the network's mode alone.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from torch import nn

from anomalymatch_ui.config import Layer
from anomalymatch_ui.learn.input_range import ByteScaling

BATCH = 8
"""Images that a compiled graph takes, always: of another number it would compute other last bits. Of 1, 4, 8,
16, 32 and 64, eight were among the fastest at 64, 96 and 160 px."""

_CHANNELS_FIRST, _CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
_DEVICE = "CPU"
_TOOLS = "openvino.tools.ovc"


class CannotBuildError(Exception):
    """The network has a part that the graph has no node for; the message names it."""


_importing = threading.Lock()  # a second thread would be given a package of which half is imported


@cache
def openvino() -> Any:
    """Return the package, imported without its tools for converting models.

    These report each import to their maker, and leave a number for the machine in the home folder; they are
    not needed here. They can still be imported by themselves.

    Raises
    ------
    ImportError
        If it is not installed, its libraries cannot be loaded, or it is too old.
    """
    with _importing:
        package = _imported()
    if not hasattr(package, "Core") or not hasattr(package, "opset13"):
        raise ImportError("this version lacks what is needed; 2026.4 has it")
    return package


def _imported() -> Any:
    loaded = sys.modules.get("openvino")
    if loaded is not None:
        return loaded
    kept = sys.modules.get(_TOOLS)
    sys.modules[_TOOLS] = None  # type: ignore[assignment]  # an import of it fails, which the package allows for
    try:
        return importlib.import_module("openvino")
    finally:
        if kept is None:
            del sys.modules[_TOOLS]
        else:
            sys.modules[_TOOLS] = kept


class CompiledStages:
    """Some layers of a network, ready to be computed by any number of threads.

    Each stream computes in one thread, so that the bits of an answer depend on nothing but the image. What
    goes in and what comes out is channels-last, as OpenVINO computes, and is not copied.

    Parameters
    ----------
    module
        An EfficientNet whose normalisation is in its convolutions.
    start
        The block to begin with.
    layers
        What to give, in this order.
    shape
        Shape of one input, ``(height, width, channels)``.
    streams
        How many batches are computed at one time, at most.
    scaling
        How bytes are scaled for block 0; then images go in as uint8. Without, scaled images or maps go in as
        float32.

    Raises
    ------
    CannotBuildError
        If the network has a part that is not known here.
    RuntimeError
        If OpenVINO refuses, such as where it does not support the processor.
    """

    def __init__(
        self,
        module: Any,
        start: int,
        layers: Sequence[Layer],
        shape: tuple[int, ...],
        streams: int,
        scaling: ByteScaling | None = None,
    ) -> None:
        self._requests = threading.local()
        self._dtype = np.dtype(np.float32 if scaling is None else np.uint8)
        self._compiled = (
            openvino()
            .Core()
            .compile_model(
                _graph(module, start, layers, (BATCH, *shape), scaling),
                _DEVICE,
                {
                    "INFERENCE_PRECISION_HINT": "f32",  # or else bfloat16 wherever the processor has it
                    "NUM_STREAMS": streams,
                    "INFERENCE_NUM_THREADS": streams,
                    "ENABLE_CPU_PINNING": False,  # other programs use the cores, too
                },
            )
        )
        self.shape = shape
        self._shapes = [tuple(output.shape)[1:] for output in self._compiled.outputs]

    def __call__(self, values: np.ndarray, at_once: int = 1) -> list[np.ndarray]:
        """Return the maps ``(n, height, width, channels)`` of each layer, float32.

        Parameters
        ----------
        values
            ``(n, *shape)``, in the dtype that was compiled for and the machine's own byte order. Anything
            else is refused, for OpenVINO would cast it, or read the bytes as they are.
        at_once
            How many batches are computed at one time, if there are as many streams.
        """
        if values.dtype != self._dtype or not values.dtype.isnative or values.shape[1:] != self.shape:
            raise ValueError(
                f"images are {self._dtype.name} (n, {', '.join(map(str, self.shape))}), "
                f"not {values.dtype.str} {values.shape}"
            )
        batches = _in_batches(values)
        rows = len(batches) * BATCH
        found = [np.empty((rows, *shape), np.float32) for shape in self._shapes]
        requests = self._requests_of_this_thread(min(at_once, len(batches)))
        for first in range(0, len(batches), len(requests)):
            started: list[Any] = []
            try:
                for request, number in zip(requests, range(first, len(batches)), strict=False):
                    request.set_input_tensor(_shared(batches[number]))
                    rows_of_it = slice(number * BATCH, (number + 1) * BATCH)
                    for output, maps in enumerate(found):
                        request.set_output_tensor(output, _shared(maps[rows_of_it]))
                    started.append(request)
                    request.start_async()
                for request in started:
                    request.wait()
            except BaseException:
                # One failed, or Ctrl+C came: the others write to memory that is freed with this call.
                for request in started:
                    with contextlib.suppress(RuntimeError):
                        request.wait()
                raise
        return [maps[: len(values)] for maps in found]

    def _requests_of_this_thread(self, count: int) -> list[Any]:
        requests: list[Any] = self._requests.__dict__.setdefault("all", [])
        while len(requests) < count:
            requests.append(self._compiled.create_infer_request())
        return requests[:count]


def _in_batches(values: np.ndarray) -> list[np.ndarray]:
    """Return batches of :data:`BATCH` in memory that can be shared; the last is filled up with zeros."""
    batches = [np.require(values[at : at + BATCH], None, ["C", "W"]) for at in range(0, len(values), BATCH)]
    if batches and (missing := BATCH - len(batches[-1])):
        batches[-1] = np.pad(batches[-1], ((0, missing), *((0, 0) for _ in values.shape[1:])))
    return batches


def _shared(values: np.ndarray) -> Any:
    """Return an array as OpenVINO's tensor, in the same memory."""
    return openvino().Tensor(values, shared_memory=True)


def _graph(
    module: Any, start: int, layers: Sequence[Layer], shape: tuple[int, ...], scaling: ByteScaling | None
) -> Any:
    """Return what :meth:`EfficientNetBackbone.stages` computes as a model of OpenVINO, channels-last."""
    ops = openvino().opset13
    taken = ops.parameter(list(shape), np.float32 if scaling is None else np.uint8)
    values = ops.transpose(taken if scaling is None else _scaled(taken, scaling), np.array(_CHANNELS_FIRST))
    found: dict[Layer, Any] = {}
    whole = "last" in layers
    if start == 0:
        values = _activated(module._swish, _convolved(values, module._conv_stem, module._bn0))
    for number in range(start, len(module._blocks) if whole else max(map(int, layers)) + 1):
        values = found[number] = _block(values, module._blocks[number])
    if whole:
        found["last"] = _activated(module._swish, _convolved(values, module._conv_head, module._bn1))
    given = [ops.transpose(found[layer], np.array(_CHANNELS_LAST)) for layer in layers]
    return openvino().Model([ops.result(maps) for maps in given], [taken], "stages")


def _scaled(pixels: Any, scaling: ByteScaling) -> Any:
    """Return uint8 ``(n, height, width, bands)`` as :func:`input_scaling` scales them for the backbone."""
    ops = openvino().opset13
    values = ops.divide(ops.convert(pixels, "f32"), np.float32(255))
    if scaling.spread:
        bands = ops.split(values, 3, pixels.shape[3]).outputs()
        first, last = bands[0], bands[-1]
        middle = first if len(bands) == 1 else ops.divide(ops.add(first, last), np.float32(2))
        values = ops.concat([first, middle, last], 3)
    if len(scaling.mean) == 0:
        return values
    return ops.divide(ops.subtract(values, scaling.mean), scaling.deviation)


def _block(values: Any, block: Any) -> Any:
    """Return what an inverted bottleneck makes of maps, without what is for training alone."""
    ops = openvino().opset13
    maps, activation = values, block._swish
    if hasattr(block, "_expand_conv"):
        maps = _activated(activation, _convolved(maps, block._expand_conv, block._bn0))
    maps = _activated(activation, _convolved(maps, block._depthwise_conv, block._bn1))
    if block.has_se:
        squeezed = ops.reduce_mean(maps, np.array([2, 3]), keep_dims=True)
        squeezed = _activated(activation, _convolved(squeezed, block._se_reduce))
        maps = ops.multiply(ops.sigmoid(_convolved(squeezed, block._se_expand)), maps)
    maps = _convolved(maps, block._project_conv, block._bn2)
    settings = block._block_args
    skips = block.id_skip and settings.input_filters == settings.output_filters
    return ops.add(maps, values) if skips and tuple(block._depthwise_conv.stride) == (1, 1) else maps


def _convolved(values: Any, part: nn.Conv2d, normalisation: nn.Module | None = None) -> Any:
    if normalisation is not None and not isinstance(normalisation, nn.Identity):
        raise CannotBuildError(f"a {type(normalisation).__name__} that is not in the convolution before it")
    ops = openvino().opset13
    weights = part.weight.detach().float().contiguous().numpy()
    before, after = _padding(part)
    strides, dilations = list(part.stride), list(part.dilation)
    if part.groups == 1:
        values = ops.convolution(values, ops.constant(weights), strides, before, after, dilations)
    else:
        grouped = ops.constant(weights.reshape(part.groups, -1, *weights.shape[1:]))
        values = ops.group_convolution(values, grouped, strides, before, after, dilations)
    if part.bias is None:
        return values
    return ops.add(values, ops.constant(part.bias.detach().float().numpy().reshape(1, -1, 1, 1)))


def _padding(part: nn.Conv2d) -> tuple[list[int], list[int]]:
    """Return how many rows and columns of zeros are before and after the maps, as the library says."""
    own = getattr(part, "static_padding", None)
    left, right, top, bottom = own.padding if isinstance(own, nn.ZeroPad2d) else (0, 0, 0, 0)
    rows, columns = (int(width) for width in part.padding)
    return [top + rows, left + columns], [bottom + rows, right + columns]


def _activated(activation: nn.Module, values: Any) -> Any:
    ops = openvino().opset13
    if isinstance(activation, nn.ReLU6):
        return ops.clamp(values, 0.0, 6.0)
    if type(activation).__name__ in ("Swish", "MemoryEfficientSwish"):
        return ops.swish(values)
    raise CannotBuildError(f"the activation {type(activation).__name__}")
