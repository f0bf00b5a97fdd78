"""The features of images as OpenVINO computes them: a backbone's stages, pooled in the same graph.

What is computed is what :mod:`~anomalymatch_ui.learn.pooling` says, with the same constants, but for the last
digits: the maps of the blocks never leave the graph, nor is torch needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from anomalymatch_ui.config import Place
from anomalymatch_ui.learn.openvino_graph import openvino, parameter, stages_of
from anomalymatch_ui.learn.plan import ByteScaling, Plan, Taken, layers_taken
from anomalymatch_ui.learn.pooled_places import (
    CENTRE_RADIUS,
    LEAST_FLUX,
    LEAST_VARIANCE,
    inner_pixels,
)

_PLACES = np.array([1, 2])  # the axes of rows and columns


def features_graph(plan: Plan, parts: Sequence[Taken], shape: tuple[int, ...], scaling: ByteScaling) -> Any:
    """Return a model of OpenVINO that computes the features of images, uint8 ``(n, height, width, bands)``.

    It gives what :func:`~anomalymatch_ui.learn.representation.represented` gives, float32 ``(n, columns)``.

    Parameters
    ----------
    plan
        Holds the layers that the parts need.
    parts
        What is taken of them.
    shape
        Shape of one image, ``(height, width, bands)``.
    scaling
        How the bytes are scaled.
    """
    ops = openvino().opset13
    parts = tuple(parts)
    layers = layers_taken(parts)
    pixels = parameter(shape, np.uint8)
    maps = dict(zip(layers, stages_of(plan, pixels, layers, scaling), strict=True))
    flux = _flux_above_edge(pixels) if any(part.place == "flux" for part in parts) else None
    columns = []
    for part in parts:
        for layer in part.layers:
            found = _pooled(maps[layer], _weights(part.place, maps[layer].shape[1], flux))
            columns += [found[statistic] for statistic in part.statistics]
    features = ops.concat(columns, 1) if len(columns) > 1 else columns[0]
    return openvino().Model([ops.result(features)], [pixels], "features")


def _pooled(maps: Any, weights: Any) -> dict[str, Any]:
    """Return mean and deviation of each channel of maps ``(n, side, side, channels)``."""
    ops = openvino().opset13

    def averaged(values: Any) -> Any:
        if weights is None:
            return ops.reduce_mean(values, _PLACES)
        return ops.reduce_sum(ops.multiply(values, weights), _PLACES)

    mean, square = averaged(maps), averaged(ops.multiply(maps, maps))
    variance = ops.maximum(ops.subtract(square, ops.multiply(mean, mean)), np.float32(LEAST_VARIANCE))
    return {"mean": mean, "deviation": ops.sqrt(variance)}


def _weights(place: Place, side: int, flux: Any) -> Any:
    """Return how much each place of maps counts, ``(n or 1, side, side, 1)``; ``None`` if all alike."""
    ops = openvino().opset13
    if place == "frame":
        return None
    if place == "centre":
        axis = (np.arange(side, dtype=np.float32) + np.float32(0.5)) * 2 / side - 1
        profile = np.exp(-(axis**2) / (2 * CENTRE_RADIUS**2)).astype(np.float32)
        weights = profile[:, None] * profile
        return ops.constant((weights / weights.sum())[None, :, :, None])
    pooled = ops.adaptive_avg_pool(flux, np.array([side, side]))
    pooled = ops.transpose(ops.add(pooled, np.float32(LEAST_FLUX)), np.array([0, 2, 3, 1]))
    return ops.divide(pooled, ops.reduce_sum(pooled, _PLACES, keep_dims=True))


def _flux_above_edge(pixels: Any) -> Any:
    """Return how much brighter than its edge an image is in each pixel, ``(n, 1, height, width)``."""
    ops = openvino().opset13
    height, width, _ = list(pixels.shape)[1:]
    grey = ops.reduce_mean(ops.divide(ops.convert(pixels, "f32"), np.float32(255)), np.array([3]))
    outer = np.flatnonzero(~inner_pixels(height, width).ravel())
    edge = ops.gather(ops.reshape(grey, np.array([0, -1]), special_zero=True), outer, np.array(1))
    # The lower of the two in the middle, as torch's median: the greatest of the lower half.
    lower = ops.topk(edge, np.array((len(outer) - 1) // 2 + 1), 1, "min", "none").output(0)
    background = ops.unsqueeze(ops.reduce_max(lower, np.array([1]), keep_dims=True), np.array(2))
    return ops.unsqueeze(ops.relu(ops.subtract(grey, background)), np.array(1))
