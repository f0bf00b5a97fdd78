"""An EfficientNet as OpenVINO computes it: a graph built from the weights, compiled for one batch on CPUs.

Built node by node and not traced: that takes milliseconds instead of seconds, needs no example, and leaves
the network's mode alone. It needs no torch, either.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from typing import Any

import numpy as np

from anomalymatch_ui.config import Layer
from anomalymatch_ui.learn.plan import Activation, Bottleneck, ByteScaling, Convolution, Plan

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


def installed_version() -> str:
    """Return the version of what is imported. Raises ``ImportError`` as :func:`openvino` does."""
    package = openvino()
    try:
        return metadata.version("openvino")
    except metadata.PackageNotFoundError:  # built from source
        return str(package.get_version())


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


class CompiledGraph:
    """A graph, ready to be computed by any number of threads.

    Each stream computes in one thread, so that the bits of an answer depend on nothing but the image. What
    goes in and what comes out is not copied.

    Parameters
    ----------
    model
        From :func:`stages_graph`, or another one of one input of :data:`BATCH` rows.
    streams
        How many batches are computed at one time, at most.

    Raises
    ------
    RuntimeError
        If OpenVINO refuses, such as where it does not support the processor.
    """

    def __init__(self, model: Any, streams: int) -> None:
        self._requests = threading.local()
        self._compiled = (
            openvino()
            .Core()
            .compile_model(
                model,
                _DEVICE,
                {
                    "INFERENCE_PRECISION_HINT": "f32",  # or else bfloat16 wherever the processor has it
                    "NUM_STREAMS": streams,
                    "INFERENCE_NUM_THREADS": streams,
                    "ENABLE_CPU_PINNING": False,  # other programs use the cores, too
                },
            )
        )
        taken = self._compiled.input(0)
        self._dtype = np.dtype(taken.element_type.to_dtype())
        self.shape = tuple(taken.shape)[1:]
        self._shapes = [tuple(output.shape)[1:] for output in self._compiled.outputs]

    def __call__(self, values: np.ndarray, at_once: int = 1) -> list[np.ndarray]:
        """Return what the graph gives, float32 arrays of ``n`` rows each.

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


def stages_graph(
    plan: Plan, layers: Sequence[Layer], shape: tuple[int, ...], scaling: ByteScaling | None = None
) -> Any:
    """Return a model of OpenVINO that computes some layers, channels-last as OpenVINO computes.

    Parameters
    ----------
    plan
        Holds the layers.
    layers
        What to give, in this order: maps ``(n, height, width, channels)``.
    shape
        Shape of one input, ``(height, width, channels)``.
    scaling
        How bytes are scaled for the stem; then images go in as uint8. Without, scaled images or maps go in
        as float32.
    """
    taken = parameter(shape, np.float32 if scaling is None else np.uint8)
    maps = stages_of(plan, taken, layers, scaling)
    return openvino().Model([openvino().opset13.result(one) for one in maps], [taken], "stages")


def parameter(shape: tuple[int, ...], dtype: Any) -> Any:
    """Return what a graph of :data:`BATCH` rows is given."""
    return openvino().opset13.parameter([BATCH, *shape], dtype)


def stages_of(
    plan: Plan, taken: Any, layers: Sequence[Layer], scaling: ByteScaling | None = None
) -> list[Any]:
    """Return the nodes of some layers, channels-last; as for :func:`stages_graph`."""
    ops = openvino().opset13
    values = ops.transpose(taken if scaling is None else _scaled(taken, scaling), np.array(_CHANNELS_FIRST))
    found: dict[Layer, Any] = {}
    if plan.stem is not None:
        values = _activated(plan.activation, _convolved(values, plan.stem))
    for number, block in plan.blocks.items():
        values = found[number] = _block(values, block)
    if plan.end is not None:
        found["last"] = _activated(plan.activation, _convolved(values, plan.end))
    return [ops.transpose(found[layer], np.array(_CHANNELS_LAST)) for layer in layers]


def _scaled(pixels: Any, scaling: ByteScaling) -> Any:
    """Return uint8 ``(n, height, width, bands)`` as they are scaled for the backbone."""
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


def _block(values: Any, block: Bottleneck) -> Any:
    ops = openvino().opset13
    maps, activation = values, block.activation
    if block.expand is not None:
        maps = _activated(activation, _convolved(maps, block.expand))
    maps = _activated(activation, _convolved(maps, block.depthwise))
    if block.reduce is not None and block.restore is not None:
        squeezed = ops.reduce_mean(maps, np.array([2, 3]), keep_dims=True)
        squeezed = _activated(activation, _convolved(squeezed, block.reduce))
        maps = ops.multiply(ops.sigmoid(_convolved(squeezed, block.restore)), maps)
    maps = _convolved(maps, block.project)
    return ops.add(maps, values) if block.adds else maps


def _convolved(values: Any, part: Convolution) -> Any:
    ops = openvino().opset13
    before, after = list(part.before), list(part.after)
    strides, dilations = list(part.strides), list(part.dilations)
    if part.groups == 1:
        values = ops.convolution(values, ops.constant(part.weights), strides, before, after, dilations)
    else:
        grouped = ops.constant(part.weights.reshape(part.groups, -1, *part.weights.shape[1:]))
        values = ops.group_convolution(values, grouped, strides, before, after, dilations)
    if part.bias is None:
        return values
    return ops.add(values, ops.constant(part.bias.reshape(1, -1, 1, 1)))


def _activated(activation: Activation, values: Any) -> Any:
    ops = openvino().opset13
    return ops.clamp(values, 0.0, 6.0) if activation == "relu6" else ops.swish(values)
