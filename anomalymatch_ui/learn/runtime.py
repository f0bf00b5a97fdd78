"""What computes a network that only runs forward: OpenVINO on a CPU, if it agrees with torch; else torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from anomalymatch_ui.config import OPENVINO_GRAPH, Layer, RuntimeName
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn.backbone import EfficientNetBackbone
from anomalymatch_ui.learn.network import AnomalyNetwork
from anomalymatch_ui.learn.openvino_graph import (
    BATCH,
    CannotBuildError,
    CompiledGraph,
    installed_version,
    stages_graph,
)
from anomalymatch_ui.learn.plan import ByteScaling
from anomalymatch_ui.learn.planning import byte_scaling, plan_of
from anomalymatch_ui.learn.verdict import Refusal, Runtime, first_line, require_alike

_SEED = 20  # of the images that both are tried on


TORCH = Runtime()


class OpenVinoBackbone:
    """A frozen backbone of which OpenVINO computes what it was prepared for, and torch the rest.

    See :class:`~anomalymatch_ui.learn.backbone.Backbone`.

    Parameters
    ----------
    backbone
        Rewritten for inference; it is not changed.
    streams
        How many threads compute at one time.
    """

    module: Any

    def __init__(self, backbone: EfficientNetBackbone, streams: int) -> None:
        self._torch = backbone
        self._streams = streams
        self._prepared: dict[tuple[int, tuple[Layer, ...]], CompiledGraph] = {}
        self._of_bytes: dict[tuple[Layer, ...], CompiledGraph] = {}
        self.module = backbone.module
        self.feature_count = backbone.feature_count
        self.splits = backbone.splits
        self.range = backbone.range
        self.frozen = backbone.frozen
        self.fuse = backbone.fuse
        self.keep = backbone.keep
        self.channels = backbone.channels

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return self._torch.blocks

    def prepare(self, values: Tensor, start: int, layers: Sequence[Layer]) -> list[Tensor]:
        """Compile what computes some layers, and check it against torch.

        Parameters
        ----------
        values
            float32 ``(n, channels, height, width)`` to try both on.
        start, layers
            As for :meth:`stages`.

        Returns
        -------
        list of Tensor
            What torch gives of ``values``.

        Raises
        ------
        Refusal
            If OpenVINO cannot compute them, or computes something else.
        """
        wanted = self._torch.stages(values, start, layers)
        compiled = self._compiled(_rows(values), start, layers, wanted, None)
        self._prepared[start, tuple(layers)] = compiled
        return wanted

    def prepare_for_bytes(
        self, pixels: Tensor, values: Tensor, scaling: nn.Module, layers: Sequence[Layer]
    ) -> list[Tensor]:
        """Do what :meth:`prepare` does, from images on that are not scaled yet, uint8.

        Parameters
        ----------
        pixels, values
            The same images, uint8 ``(n, bands, height, width)`` for OpenVINO and scaled for torch.
        scaling
            The network's, which OpenVINO then computes, too.
        layers
            As for :meth:`stages_of_bytes`.
        """
        wanted = self._torch.stages(values, 0, layers)
        compiled = self._compiled(_rows(pixels), 0, layers, wanted, byte_scaling(scaling))
        self._of_bytes[tuple(layers)] = compiled
        return wanted

    def _compiled(
        self,
        rows: np.ndarray,
        start: int,
        layers: Sequence[Layer],
        wanted: Sequence[Tensor],
        scaling: ByteScaling | None,
    ) -> CompiledGraph:
        try:
            plan = plan_of(self.module, start, layers)
            compiled = CompiledGraph(stages_graph(plan, layers, rows.shape[1:], scaling), self._streams)
            given = _maps(compiled, rows)
        except CannotBuildError as error:
            raise Refusal(f"OpenVINO is not told how to compute {error}.") from error
        except RuntimeError as error:
            raise Refusal(f"OpenVINO cannot compute on this processor ({first_line(error)}).") from error
        for layer, ours, reference in zip(layers, given, wanted, strict=True):
            difference, scale = (ours - reference).norm().item(), reference.norm().item()
            require_alike(difference, scale, f"layer {layer}")
        return compiled

    def stages(self, values: Tensor, start: int, layers: Sequence[Layer]) -> list[Tensor]:
        """Return what some layers give; see :meth:`Backbone.stages`."""
        compiled = self._prepared.get((start, tuple(layers)))
        if compiled is None or len(values) == 0 or values.dtype != torch.float32:
            return self._torch.stages(values, start, layers)
        # Of a NaN OpenVINO's activations make a number; torch's keep it, and whoever asked is told.
        if not bool(torch.isfinite(values).all()):
            return self._torch.stages(values, start, layers)
        return _maps(compiled, _rows(values))

    def stages_of_bytes(self, pixels: Tensor, layers: Sequence[Layer]) -> list[Tensor] | None:
        """Return what some layers give of images that are not scaled yet.

        Parameters
        ----------
        pixels
            uint8 ``(n, bands, height, width)``.
        layers
            As for :meth:`stages`.

        Returns
        -------
        list of Tensor or None
            ``None`` if nothing was prepared for such images.
        """
        compiled = self._of_bytes.get(tuple(layers))
        bands, *frame = pixels.shape[1:]
        if compiled is None or len(pixels) == 0 or (*frame, bands) != compiled.shape:
            return None
        return _maps(compiled, _rows(pixels))


def choose_runtime(
    network: AnomalyNetwork,
    wanted: RuntimeName,
    device: torch.device,
    programs: Sequence[tuple[int, tuple[Layer, ...]]],
    *,
    of_bytes: bool = False,
) -> Runtime:
    """Let OpenVINO compute a network's backbone from now on, if that is wanted and it agrees with torch.

    Parameters
    ----------
    network
        From :func:`~anomalymatch_ui.learn.fused.fused_for_inference`, on its device and in its number format.
    wanted
        As in the settings.
    device
        Where it runs.
    programs
        Block to begin with and layers of each :meth:`AnomalyNetwork.stages` that will be asked for; what one
        begins with, the one before it has given.
    of_bytes
        Whether images are given as uint8, so that OpenVINO scales them, too; else as float32 in [0, 1].

    Returns
    -------
    Runtime
        What computes it, and if that is torch, why.

    Raises
    ------
    InputError
        If OpenVINO is asked for by name and is not installed.
    """
    if wanted == "torch" or device.type != "cpu":
        return TORCH
    try:
        version = installed_version()
        backbone = _backbone_for(network)
        _prepare(network, backbone, programs, of_bytes=of_bytes)
    except ImportError as error:
        reason = f"OpenVINO is not installed, or cannot be loaded ({first_line(error)})."
        if wanted == "openvino":
            raise InputError(
                f"score.runtime is openvino: {reason} Run `pip install openvino`, or set it to auto."
            ) from error
        return Runtime(reason=reason)
    except Refusal as refusal:
        return Runtime(reason=str(refusal))
    network.compute_by(backbone, backbone.stages_of_bytes if of_bytes else None)
    return Runtime(f"OpenVINO {version}, graph {OPENVINO_GRAPH}")


def _backbone_for(network: AnomalyNetwork) -> OpenVinoBackbone:
    return OpenVinoBackbone(computable(network), torch.get_num_threads())


def computable(network: AnomalyNetwork) -> EfficientNetBackbone:
    """Return the backbone of a network if it is one of those that OpenVINO computes.

    Raises
    ------
    Refusal
        If it is not.
    """
    backbone = network.computed_by
    if not isinstance(backbone, EfficientNetBackbone):
        raise Refusal(f"OpenVINO computes EfficientNets here, and {network.config.name} is none.")
    weights = list(backbone.module.parameters())
    if any(one.dtype != torch.float32 for one in weights):
        raise Refusal("OpenVINO computes in float32 here.")
    if not all(bool(torch.isfinite(one).all()) for one in weights):
        raise Refusal("The weights of the model are not all numbers, which only torch shows in its scores.")
    return backbone


@torch.no_grad()
def _prepare(
    network: AnomalyNetwork,
    backbone: OpenVinoBackbone,
    programs: Sequence[tuple[int, tuple[Layer, ...]]],
    *,
    of_bytes: bool,
) -> None:
    side = network.image_size
    generator = torch.Generator().manual_seed(_SEED)
    shape = BATCH, network.bands, side, side
    pixels = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    pixels[0], pixels[1] = 0, 255
    maps = network.scaling(pixels / 255).contiguous(memory_format=torch.channels_last)
    for start, layers in programs:
        if of_bytes and start == 0:
            maps = backbone.prepare_for_bytes(pixels, maps, network.scaling, layers)[-1]
        else:
            maps = backbone.prepare(maps, start, layers)[-1]


def _rows(values: Tensor) -> np.ndarray:
    """Return ``(n, height, width, channels)``: of a channels-last tensor the same memory."""
    return values.detach().permute(0, 2, 3, 1).contiguous().numpy()


def _maps(compiled: CompiledGraph, rows: np.ndarray) -> list[Tensor]:
    """Compute in as many threads as torch has here: one where the caller computes beside others."""
    found = compiled(rows, torch.get_num_threads())
    return [torch.from_numpy(maps).permute(0, 3, 1, 2) for maps in found]
